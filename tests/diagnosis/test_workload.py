"""Revisions, differences between templates, references, and the scheduler's message."""

from __future__ import annotations

import pytest

from suture.diagnosis.quantity import of_bytes
from suture.diagnosis.quantity import parse as amount
from suture.diagnosis.references import Reference, references
from suture.diagnosis.scheduling import Obstacle as O
from suture.diagnosis.scheduling import parse
from suture.diagnosis.selectors import selects
from suture.diagnosis.workload import revisions, tell_changes, template_changes
from tests.diagnosis.builder import Rev, World, ready, template, unready


def test_revisions_of_every_kind_of_workload() -> None:
    world = World()
    web = world.deployment("web", Rev("web:1", [ready(), ready()]), Rev("web:2", [unready()]))
    db = world.stateful_set("db", Rev("db:1", [ready(), ready()]), Rev("db:2", [unready()]))
    agent = world.daemon_set("agent", Rev("agent:1", [ready(), ready()]), Rev("agent:2", [unready()]))
    for ref in (web, db, agent):
        found = revisions(world.snapshot(), ref)
        assert [(r.number, r.wanted, r.ready, r.current) for r in found] == [
            (2, 1, 0, True),
            (1, 2, 2, False),
        ]
        assert template_changes(found[1].template, found[0].template).keys() == {
            f"spec.containers.{ref.name}.image"
        }


def test_a_revision_that_was_brought_back_is_current_under_its_new_number() -> None:
    world = World()
    web = world.deployment("web", Rev("web:1", [ready()], age=99), Rev("web:2", [], age=50))
    first = next(o for o in world.objects if o["kind"] == "ReplicaSet")
    first["metadata"]["annotations"]["deployment.kubernetes.io/revision"] = "3"
    world.find(web)["spec"]["template"] = template("web:1")
    assert [(r.number, r.current) for r in revisions(world.snapshot(), web)] == [(3, True), (2, False)]


def test_a_new_template_without_a_replica_set_yet_has_no_current_revision() -> None:
    world = World()
    web = world.deployment("web", Rev("web:1", [ready()]))
    world.find(web)["spec"]["template"] = template("web:2")
    assert [r.current for r in revisions(world.snapshot(), web)] == [False]


def test_secret_like_values_are_not_told() -> None:
    def env(value: str) -> dict[str, object]:
        return template(
            container={"env": [{"name": "DB_PASSWORD", "value": value}, {"name": "MODE", "value": value}]}
        )

    told = tell_changes(template_changes(env("old"), env("new")))
    assert told == (
        "containers.web.env.DB_PASSWORD.value [redacted] -> [redacted], "
        "containers.web.env.MODE.value 'old' -> 'new'"
    )


def test_references_of_a_template() -> None:
    env = [
        {"name": "A", "valueFrom": {"configMapKeyRef": {"name": "cm", "key": "a"}}},
        {"name": "B", "valueFrom": {"secretKeyRef": {"name": "s", "key": "b", "optional": True}}},
    ]
    volumes = [
        {"name": "1", "secret": {"secretName": "tls", "items": [{"key": "crt", "path": "x"}]}},
        {"name": "2", "projected": {"sources": [{"configMap": {"name": "ca"}}, {"serviceAccountToken": {}}]}},
        {"name": "3", "persistentVolumeClaim": {"claimName": "data"}},
    ]
    init = [{"name": "i", "envFrom": [{"secretRef": {"name": "seed"}}]}]
    found = references(
        template(container={"env": env}, volumes=volumes, initContainers=init, serviceAccountName="sa")
    )
    assert found == {
        Reference("ConfigMap", "cm", "a"),
        Reference("Secret", "tls"),
        Reference("Secret", "tls", "crt"),
        Reference("ConfigMap", "ca"),
        Reference("PersistentVolumeClaim", "data"),
        Reference("Secret", "seed"),
        Reference("ServiceAccount", "sa"),
    }


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (
            "0/6 nodes are available: 6 Insufficient memory. preemption: 0/6 nodes are available: 6 No",
            {O.RESOURCES: 6},
        ),
        ("0/6 nodes are available: 6 node(s) had untolerated taint {a: b}. preemption: x", {O.TAINT: 6}),
        (
            "0/6 nodes are available: 1 node(s) had taint {a: b, c}, 2 node(s) were unschedulable, "
            "3 node(s) didn't match Pod's node affinity/selector.",
            {O.TAINT: 1, O.CORDONED: 2, O.NODE_SELECTOR: 3},
        ),
        (
            "0/2 nodes are available: 2 node(s) had untolerated taint {node.kubernetes.io/unschedulable: }.",
            {O.CORDONED: 2},
        ),
        ("0/2 nodes are available: 2 node(s) didn't match pod anti-affinity rules.", {O.POD_AFFINITY: 2}),
        (
            "0/2 nodes are available: 2 node(s) didn't have free ports for the requested pod ports.",
            {O.PORTS: 2},
        ),
        ("0/2 nodes are available: 2 node(s) didn't match pod topology spread constraints.", {O.SPREAD: 2}),
        ("0/2 nodes are available: 2 node(s) had volume node affinity conflict.", {O.VOLUME: 2}),
        ("0/2 nodes are available: pod has unbound immediate PersistentVolumeClaims.", {O.VOLUME: 2}),
        ("no nodes available to schedule pods", {O.OTHER: 0}),
        ("", {O.OTHER: 0}),
    ],
)
def test_the_scheduler_s_message(message: str, expected: dict[O, int]) -> None:
    assert parse(message).obstacles == expected


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        (None, True),
        ({"matchLabels": {"a": "1"}}, True),
        ({"matchLabels": {"a": "2"}}, False),
        ({"matchExpressions": [{"key": "a", "operator": "NotIn", "values": ["1"]}]}, False),
        ({"matchExpressions": [{"key": "b", "operator": "NotIn", "values": ["1"]}]}, True),
        ({"matchExpressions": [{"key": "a", "operator": "Exists"}]}, True),
        ({"matchExpressions": [{"key": "a", "operator": "DoesNotExist"}]}, False),
        ({"matchExpressions": [{"key": "a", "operator": "Near"}]}, False),
    ],
)
def test_selectors(selector: object, expected: bool) -> None:
    assert selects(selector, {"a": "1"}) is expected


@pytest.mark.parametrize("text", ["1", "64Mi", "1.5Gi", "250m", "1e3", "12E", "3k"])
def test_amounts_are_read(text: str) -> None:
    assert (amount(text) or 0) > 0
    assert (amount(of_bytes(amount(text) or 0)) or 0) >= int(amount(text) or 0)


@pytest.mark.parametrize("text", ["", "Mi", "1 Gi", "1.2.3", "0x10", None, [], True])
def test_nonsense_is_no_amount(text: object) -> None:
    assert amount(text) is None
