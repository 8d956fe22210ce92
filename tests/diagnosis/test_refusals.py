"""A refusal that the API server would not repeat is no trouble any more."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from suture.diagnosis.refusals import is_over
from suture.diagnosis.symptoms import symptoms
from suture.domain.target import ObjectRef
from tests.diagnosis.builder import NOW, NS, Rev, World, condition

QUOTA = 'pods "web-1" is forbidden: exceeded quota: team, requested: pods=1, used: pods=7, limited: pods=7'
LIMIT = 'pods "web-1" is forbidden: maximum memory usage per Container is 200Mi, but limit is 256Mi'
HOOK = 'Internal error occurred: failed calling webhook "check.example.com": failed to call webhook: no endpoints'
CLASS = 'pods "web-" is forbidden: no PriorityClass with name gold was found'
LEVEL = (
    'pods "web-1" is forbidden: violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false'
)
ENFORCE = "pod-security.kubernetes.io/enforce"


def forbidding() -> World:
    world = World()
    world.add("ResourceQuota", "team", spec={"hard": {"pods": "7"}})
    world.add("LimitRange", "sizes", spec={"limits": [{"type": "Container", "max": {"memory": "200Mi"}}]})
    world.add("ValidatingWebhookConfiguration", "checks", "", webhooks=[{"name": "check.example.com"}])
    world.add("PriorityClass", "silver", "")
    world.add("Namespace", NS, "", meta={"labels": {ENFORCE: "restricted"}})
    return world


def grown(world: World) -> None:
    world.find(ObjectRef(kind="ResourceQuota", namespace=NS, name="team"))["spec"]["hard"]["pods"] = "20"


def without(kind: str) -> Callable[[World], None]:
    def change(world: World) -> None:
        world.objects = [o for o in world.objects if o["kind"] != kind]

    return change


def wider(world: World) -> None:
    sizes = world.find(ObjectRef(kind="LimitRange", namespace=NS, name="sizes"))
    sizes["spec"]["limits"][0]["max"]["memory"] = "1Gi"


def answered(world: World) -> None:
    world.find(ObjectRef(kind="ValidatingWebhookConfiguration", name="checks"))["webhooks"] = [
        {"name": "other"}
    ]


def defined(world: World) -> None:
    world.add("PriorityClass", "gold", "")


def relaxed(world: World) -> None:
    world.find(ObjectRef(kind="Namespace", name=NS))["metadata"]["labels"][ENFORCE] = "baseline"


@pytest.mark.parametrize(
    "said", [QUOTA, LIMIT, HOOK, CLASS, LEVEL, "pods is forbidden: by nobody in particular"]
)
def test_what_is_forbidden_still(said: str) -> None:
    assert not is_over(forbidding().snapshot(), NS, said)


@pytest.mark.parametrize(
    ("said", "change"),
    [
        (QUOTA, grown),
        (QUOTA, without("ResourceQuota")),
        (LIMIT, wider),
        (LIMIT, without("LimitRange")),
        (HOOK, answered),
        (CLASS, defined),
        (LEVEL, relaxed),
    ],
)
def test_what_is_forbidden_no_more(said: str, change: Callable[[World], None]) -> None:
    world = forbidding()
    change(world)
    assert is_over(world.snapshot(), NS, said)


def test_two_refusals_must_both_be_over() -> None:
    world = forbidding()
    grown(world)
    assert not is_over(world.snapshot(), NS, f"{QUOTA}; {LIMIT}")


def test_a_kind_that_cannot_be_listed_proves_nothing() -> None:
    world = forbidding()
    without("ValidatingWebhookConfiguration")(world)
    assert not is_over(world.snapshot(), NS, HOOK)


def test_a_controller_that_has_not_tried_again_is_no_symptom() -> None:
    world = forbidding()
    web = world.deployment("web", Rev("web:1", [], wanted=2), replicas=2)
    failure = condition("ReplicaFailure", "True", 30, "FailedCreate", QUOTA)
    world.find(web).setdefault("status", {}).setdefault("conditions", []).append(failure)
    assert [s.reason for s in symptoms(world.snapshot(), web, NOW)] == ["QuotaExceeded"]
    grown(world)
    assert symptoms(world.snapshot(), web, NOW) == []
