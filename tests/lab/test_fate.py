"""What becomes of a container, check by check."""

from __future__ import annotations

from typing import Any

import pytest

from lab.case import Boot, Case, Fate
from lab.fate import decide
from lab.inputs import DIRECTORY
from lab.objects import Obj
from lab.world import World
from tests.lab.builders import NS, fate, pod, service, world


def test_undescribed_software_is_healthy() -> None:
    assert fate({}, {"livenessProbe": {"httpGet": {"path": "/x", "port": 1}}}) == Fate()


def test_an_unknown_image_cannot_be_pulled() -> None:
    found = fate({"images": ["web:2.*"]})
    assert (found.kind, found.reason) == ("wait", "ImagePullBackOff")
    assert "web:1: not found" in found.message


@pytest.mark.parametrize("known", [{"images": ["web:2.*"]}, {}])
def test_a_bad_image_crashes_in_its_own_words(known: Obj) -> None:
    bad = {"web:1": {"exit": 3, "message": "panic: no table"}}
    assert fate({**known, "bad_images": bad}) == Fate("crash", "Error", "panic: no table", 3)


def test_a_root_image_must_not_run_where_root_is_refused() -> None:
    refused = {"securityContext": {"runAsNonRoot": True}}
    assert fate({"root": True}, refused).reason == "CreateContainerConfigError"
    assert fate({"root": True}, securityContext={"runAsNonRoot": True}).kind == "wait"
    assert fate({"root": True}, {"securityContext": {"runAsNonRoot": True, "runAsUser": 1000}}).kind == "ok"


def test_a_read_only_file_system_needs_a_volume_to_write_to() -> None:
    sealed = {"securityContext": {"readOnlyRootFilesystem": True}}
    assert "read-only file system" in fate({"writes": "/tmp"}, sealed).message
    assert fate({"writes": "/tmp"}, sealed, Boot(files={"/tmp/": DIRECTORY})).kind == "ok"


@pytest.mark.parametrize(
    ("container", "expected"),
    [
        ({}, ("ok", 1)),
        ({"command": ["serve"]}, ("ok", 1)),
        ({"command": ["serve", "--fast"]}, ("crash", 2)),
        ({"command": ["bash"]}, ("crash", 128)),
        ({"args": ["--what"]}, ("crash", 2)),
    ],
)
def test_commands(container: Obj, expected: tuple[str, int]) -> None:
    found = fate({"commands": [["serve"], ["serve", "--slow"]]}, container)
    assert (found.kind, found.exit) == expected


def test_the_environment_must_fit_and_secrets_are_not_shown() -> None:
    program = {"env": {"PORT": "^[0-9]+$", "API_TOKEN": "^good$"}, "env_error": {"PORT": "not a number"}}
    assert "PORT is not set" in fate(program).message
    assert "'abc': not a number" in fate(program, boot=Boot(env={"PORT": "abc"})).message
    hidden = fate(program, boot=Boot(env={"PORT": "1", "API_TOKEN": "stolen"})).message
    assert "(hidden)" in hidden
    assert "stolen" not in hidden
    assert fate(program, boot=Boot(env={"PORT": "1", "API_TOKEN": "good"})).kind == "ok"


def test_files_must_be_there_and_fit_line_by_line() -> None:
    program = {"files": {"/etc/a.conf": "^mode = safe$"}}
    assert "no such file" in fate(program).message
    assert "invalid configuration" in fate(program, boot=Boot(files={"/etc/a.conf": "mode = wild"})).message
    assert fate(program, boot=Boot(files={"/etc/a.conf": "# hi\nmode = safe\n"})).kind == "ok"


def test_permissions_are_asked_for_the_service_account() -> None:
    asked = []

    def access(namespace: str, account: str, what: str) -> bool:
        asked.append((namespace, account, what))
        return False

    one = pod("web", serviceAccountName="robot")
    here = World(world(one).store, {NS: {"web": {"rbac": ["list apps/deployments"]}}}, access)
    found = decide(Case(here, one, one["spec"]["containers"][0], Boot()))
    assert asked == [(NS, "robot", "list apps/deployments")]
    assert (
        f'"system:serviceaccount:{NS}:robot" cannot list resource "deployments" in API group "apps"'
        in found.message
    )


def test_too_little_memory_kills() -> None:
    small = {"resources": {"limits": {"memory": "64Mi"}}}
    assert fate({"memory": "65Mi"}, small) == Fate("crash", "OOMKilled", "", 137)
    assert fate({"memory": "64Mi"}, small).kind == "ok"
    assert fate({"memory": "64Gi"}).kind == "ok"


def test_too_little_cpu_is_never_ready() -> None:
    assert fate({"cpu": "200m"}, {"resources": {"limits": {"cpu": "100m"}}}).kind == "notready"


@pytest.mark.parametrize(("age", "kind"), [(0, "ok"), (3, "done")])
def test_a_batch_program_completes(age: float, kind: str) -> None:
    assert fate({"completes": 2}, boot=Boot(age=age), restartPolicy="Never").kind == kind
    assert fate({"completes": 2}, boot=Boot(age=age), restartPolicy="Always").kind == "ok"


def test_an_undescribed_job_completes_by_itself() -> None:
    one = pod("job", restartPolicy="Never")
    one["metadata"]["ownerReferences"] = [{"kind": "Job", "name": "job"}]
    assert decide(Case(world(one), one, one["spec"]["containers"][0], Boot(age=2))).kind == "done"


@pytest.mark.parametrize(
    ("mode", "starting", "kind"),
    [
        ("crash", True, "crash"),
        ("crash", False, "ok"),
        ("notready", False, "notready"),
        ("hang", True, "hang"),
        ("none", True, "ok"),
    ],
)
def test_an_unanswered_need(mode: str, starting: bool, kind: str) -> None:
    one = pod("web")
    here = world(one, web={"needs": ["db:1"], "needs_mode": mode})
    assert decide(Case(here, one, one["spec"]["containers"][0], Boot(), starting)).kind == kind


def test_an_answered_need() -> None:
    one, db = pod("web"), pod("db")
    here = world(
        one, db, service("db", 1), web={"needs": ["db:1"], "needs_mode": "crash"}, db={"listen": [1]}
    )
    assert decide(Case(here, one, one["spec"]["containers"][0], Boot())).kind == "ok"


HTTP = {"httpGet": {"path": "/ok", "port": "http"}}
PROGRAM = {"listen": [80], "paths": ["/ok"]}


def _probed(name: str, probe: dict[str, Any], program: dict[str, Any]) -> Fate:
    return fate(program, {"ports": [{"name": "http", "containerPort": 80}], f"{name}Probe": probe})


@pytest.mark.parametrize(
    ("probe", "more", "problem"),
    [
        (HTTP, {}, ""),
        ({"httpGet": {"path": "/no", "port": 80}}, {}, "statuscode: 404"),
        ({"tcpSocket": {"port": 81}}, {}, "dial tcp :81"),
        ({**HTTP, "timeoutSeconds": 2}, {"latency": 3}, "context deadline exceeded"),
        ({**HTTP, "timeoutSeconds": 4}, {"latency": 3}, ""),
    ],
)
def test_probes(probe: dict[str, Any], more: dict[str, Any], problem: str) -> None:
    live, ready = (_probed(name, probe, {**PROGRAM, **more}) for name in ("liveness", "readiness"))
    assert (live.kind, ready.kind) == (("crash", "notready") if problem else ("ok", "ok"))
    assert problem in live.message
    assert problem in ready.message


def test_a_hasty_liveness_probe_kills_a_slow_start() -> None:
    slow, hasty = {**PROGRAM, "startup": 20}, {**HTTP, "periodSeconds": 5, "failureThreshold": 2}
    assert "while starting" in _probed("liveness", hasty, slow).message
    assert _probed("liveness", {**hasty, "initialDelaySeconds": 10}, slow).kind == "ok"
    patient = {**HTTP, "periodSeconds": 5, "failureThreshold": 10}
    both = {"ports": [{"name": "http", "containerPort": 80}], "livenessProbe": hasty, "startupProbe": patient}
    assert fate(slow, both).kind == "ok"


def test_rules_come_first_and_see_the_start() -> None:
    rule = {
        "app": "web",
        "when": "env['A'] == '1' and restarts < 2",
        "fate": "crash",
        "exit": 9,
        "message": "no",
    }
    one = pod("web")

    def decided(boot: Boot) -> Fate:
        here = world(one, web={"images": ["other:*"]}, rules=[rule])
        return decide(Case(here, one, one["spec"]["containers"][0], boot))

    assert decided(Boot(env={"A": "1"})) == Fate("crash", "Error", "no", 9)
    assert decided(Boot(env={"A": "1"}, restarts=2)).reason == "ImagePullBackOff"
