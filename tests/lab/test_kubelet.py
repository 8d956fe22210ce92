"""A pod's way through the kubelet, without an API server."""

from __future__ import annotations

from typing import Any

import pytest

from lab.kube import Kube
from lab.kubelet.events import EventWriter
from lab.kubelet.memory import ContainerMemory
from lab.kubelet.pods import PodKeeper
from lab.kubelet.server import log_text, metrics
from lab.objects import Obj, condition, dig
from lab.settings import Settings
from lab.world import World
from tests.lab.builders import NS, config_map, pod, world

QUICK = Settings(back_off_first=0, back_off_step=0, back_off_limit=0)


class FakeKube(Kube):
    """Keeps the last status instead of sending it."""

    def __init__(self) -> None:
        self.sent: list[Obj] = []
        self.deleted: list[str] = []

    def patch(
        self, kind: str, namespace: str | None, name: str, body: Any, how: str = "strategic", sub: str = ""
    ) -> Obj:
        self.sent.append(body["status"])
        return {}

    def delete(
        self, kind: str, namespace: str | None, name: str, grace: int | None = None, uid: str = ""
    ) -> None:
        self.deleted.append(name)


class FakeEvents(EventWriter):
    """Remembers what was said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def post(self, pod: Obj, kind: str, reason: str, message: str) -> None:
        self.said.append(f"{kind} {reason}: {message}")

    def forget(self, uids: set[str]) -> None:
        pass


class Bench:
    """One pod on a kubelet; `look` lets the kubelet see it and writes the status into it."""

    def __init__(self, one: Obj, here: World, settings: Settings = QUICK) -> None:
        one["status"] = {"phase": "Pending"}
        self.pod, self.world = one, here
        self.kube, self.events = FakeKube(), FakeEvents()
        self.keeper = PodKeeper(self.kube, self.events, settings)

    def look(self) -> Obj:
        self.settled = self.keeper.sync(self.world, self.pod)
        if self.kube.sent:
            self.pod["status"] = self.kube.sent[-1]
        status: Obj = self.pod["status"]
        return status

    def state(self, name: str = "web") -> Obj:
        found: Obj = dig(self.look(), f"containerStatuses.{name}")
        return found


@pytest.fixture
def web() -> Obj:
    return pod("web")


def bench(one: Obj, *objects: Obj, settings: Settings = QUICK, **software: Any) -> Bench:
    return Bench(one, world(one, *objects, **software), settings)


def test_a_healthy_pod_is_ready_at_once_and_reported_once(web: Obj) -> None:
    here = bench(web)
    status = here.look()
    assert (status["phase"], condition(web, "Ready")) == ("Running", "True")
    assert status["podIP"].startswith("10.200.")
    assert here.settled
    here.look()
    assert len(here.kube.sent) == 1
    assert "Normal Started: Container started: web" in here.events.said


def test_a_verdict_of_the_node_controller_is_corrected(web: Obj) -> None:
    here = bench(web)
    here.look()
    for each in web["status"]["conditions"]:
        each["status"] = "False"
    here.look()
    assert condition(web, "Ready") == "True"


def test_a_crash_loop_counts_restarts_and_keeps_the_last_words(web: Obj) -> None:
    here = bench(web, web={"env": {"PORT": "."}})
    here.look()
    state = here.state()
    assert state["restartCount"] == 2
    assert state["state"]["waiting"]["reason"] == "CrashLoopBackOff"
    assert "PORT is not set" in state["lastState"]["terminated"]["message"]
    assert condition(web, "Ready") == "False"
    memory = here.keeper.memory[web["metadata"]["uid"]].containers["web"]
    assert "PORT is not set" in log_text(memory, {})
    assert any(said.startswith("Warning BackOff") for said in here.events.said)


def test_back_off_is_respected(web: Obj) -> None:
    here = bench(web, settings=Settings(back_off_first=60, back_off_limit=60), web={"env": {"PORT": "."}})
    assert here.state()["restartCount"] == 1
    assert here.state()["restartCount"] == 1


def test_a_container_recovers_when_its_reason_goes(web: Obj) -> None:
    web["spec"]["containers"][0]["env"] = [
        {"name": "A", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "a"}}}
    ]
    here = bench(web)
    state = here.state()["state"]["waiting"]
    assert state == {"reason": "CreateContainerConfigError", "message": 'configmap "settings" not found'}
    assert web["status"]["phase"] == "Pending"
    here.world.store.put(config_map("settings", a="1"))
    assert here.state()["ready"]


def test_a_missing_volume_keeps_the_container_from_being_created(web: Obj) -> None:
    web["spec"]["volumes"] = [{"name": "v", "secret": {"secretName": "gone"}}]
    web["spec"]["containers"][0]["volumeMounts"] = [{"name": "v", "mountPath": "/v"}]
    here = bench(web)
    assert here.state()["state"]["waiting"]["reason"] == "ContainerCreating"
    assert any("FailedMount" in said and 'secret "gone" not found' in said for said in here.events.said)


def test_an_image_that_cannot_be_pulled(web: Obj) -> None:
    here = bench(web, web={"images": ["web:2"]})
    assert here.state()["state"]["waiting"]["reason"] == "ImagePullBackOff"
    assert "Warning Failed: Error: ErrImagePull" in here.events.said


def test_init_containers_come_first(web: Obj) -> None:
    web["spec"]["initContainers"] = [{"name": "first", "image": "i:1"}, {"name": "second", "image": "i:2"}]
    rule = {"container": "second", "when": "restarts < 1", "fate": "crash", "message": "not yet"}
    here = bench(web, rules=[rule])
    status = here.look()
    assert dig(status, "initContainerStatuses.first.state.terminated.reason") == "Completed"
    assert dig(status, "initContainerStatuses.second.state.waiting.reason") == "CrashLoopBackOff"
    assert dig(status, "containerStatuses.web.state.waiting.reason") == "PodInitializing"
    assert (status["phase"], here.look()["phase"]) == ("Pending", "Running")
    assert condition(web, "Ready") == "True"


def test_a_sidecar_runs_beside_the_others(web: Obj) -> None:
    web["spec"]["initContainers"] = [{"name": "proxy", "image": "p:1", "restartPolicy": "Always"}]
    status = bench(web).look()
    assert "running" in dig(status, "initContainerStatuses.proxy.state")
    assert status["phase"] == "Running"


@pytest.mark.parametrize(
    ("program", "phase", "code"), [({"completes": 0}, "Succeeded", 0), ({"env": {"A": "."}}, "Failed", 1)]
)
def test_a_pod_that_runs_once(web: Obj, program: Obj, phase: str, code: int) -> None:
    web["spec"]["restartPolicy"] = "Never"
    here = bench(web, web=program)
    assert here.state()["state"]["terminated"]["exitCode"] == code
    assert here.look()["phase"] == phase
    assert here.settled


def test_a_deleted_pod_is_let_go_but_not_past_its_finalizers(web: Obj) -> None:
    here = bench(web)
    web["metadata"] |= {"deletionTimestamp": "2026-01-01T00:00:00Z", "deletionGracePeriodSeconds": 30}
    here.look()
    web["metadata"] |= {"deletionGracePeriodSeconds": 0, "finalizers": ["example.com/hold"]}
    here.look()
    assert here.kube.deleted == ["web-0"]


def test_a_restarted_kubelet_picks_up_where_it_was() -> None:
    terminated = {"exitCode": 1, "reason": "Error", "startedAt": "2026-01-01T00:00:00Z", "finishedAt": None}
    running = {"running": {"startedAt": "2026-01-01T00:10:00Z"}}
    status = {"restartCount": 3, "state": running, "lastState": {"terminated": terminated}}
    memory = ContainerMemory.from_status(status)
    assert (memory.restarts, memory.done, memory.started > 0) == (3, False, True)
    assert ContainerMemory.from_status({"state": {"terminated": {**terminated, "exitCode": 0}}}).done


def test_logs_of_the_current_and_the_previous_run() -> None:
    memory = ContainerMemory()
    memory.log.write("one\ntwo")
    memory.log.begin()
    memory.log.write("three\nthree")
    assert log_text(memory, {"previous": "true"}) == "three\n"
    memory.started = 1.0
    assert log_text(memory, {"previous": "true"}) == "one\ntwo\n"
    assert log_text(memory, {}) == "three\n"
    assert log_text(memory, {"previous": "true", "tailLines": "1"}) == "two\n"
    assert log_text(memory, {"limitBytes": "2"}) == "th"
    assert log_text(memory, {"timestamps": "true"}).endswith("Z three\n")


def test_metrics_follow_the_description() -> None:
    here = world(pod("web"), pod("api"), web={"cpu_use": "70m"}, api={"cpu_total": "2"})
    items = metrics(here, ["namespaces", NS, "pods"], {"labelSelector": "app=web"})
    assert items is not None
    assert dig(items, "items.0.containers.0.usage.cpu") == "70m"
    assert len(items["items"]) == 1
    one = metrics(here, ["namespaces", NS, "pods", "api-0"], {})
    assert dig(one, "containers.0.usage.cpu") == "2000m"
    assert metrics(here, ["namespaces", NS, "pods", "nobody"], {}) is None
    assert dig(metrics(here, [], {}), "resources.0.kind") == "PodMetrics"
