"""The real control plane: the sample application, faults as users see them, resuming, and clear errors."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from lab import apps
from lab.cluster import LabCluster, LabError
from lab.control_plane import commands
from lab.kube import ApiError, Kube
from lab.layout import Ports, State
from lab.objects import app_of, dig, is_ready
from lab.software import break_image

pytestmark = pytest.mark.cluster


def wait(condition: Callable[[], object], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not become true in time"
        time.sleep(0.1)


def reason(kube: Kube, namespace: str, app: str) -> set[str]:
    pods = [p for p in kube.list("Pod", namespace) if app_of(p) == app]
    return {str(dig(p, "status.containerStatuses.0.state.waiting.reason")) for p in pods}


def test_the_cluster_is_only_for_this_machine(lab_cluster: LabCluster) -> None:
    ports = State.load(lab_cluster.home)
    assert ports is not None
    addresses = [line.split()[1] for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    for port in ports.ports.model_dump().values():
        bound = {a.split(":")[0] for a in addresses if int(a.split(":")[1], 16) == port}
        assert bound == {"0100007F"}
    assert (lab_cluster.kubeconfig.stat().st_mode & 0o077) == 0


def test_six_nodes_in_three_zones(kube: Kube) -> None:
    nodes = kube.list("Node")
    assert sum(map(is_ready, nodes)) == 6
    assert len({n["metadata"]["labels"]["topology.kubernetes.io/zone"] for n in nodes}) == 3


def test_logs_and_metrics_are_served(kube: Kube, bookstore: str) -> None:
    name = next(p["metadata"]["name"] for p in kube.list("Pod", bookstore) if app_of(p) == "billing")
    assert "billing started" in kube.text(f"api/v1/namespaces/{bookstore}/pods/{name}/log")

    def scaling() -> object:
        autoscaler = kube.get("HorizontalPodAutoscaler", bookstore, "storefront")
        return dig(autoscaler, "status.currentMetrics.0.resource.current.averageUtilization") == 50

    wait(scaling, 30)


def test_a_broken_image_crashes_and_a_roll_back_heals(
    lab_cluster: LabCluster, kube: Kube, bookstore: str
) -> None:
    break_image(lab_cluster.home, bookstore, "basket", "*/basket:bad", "panic: no such table")
    kube.patch(
        "Deployment", bookstore, "basket", _image("basket", "registry.example.com/bookstore/basket:bad")
    )
    wait(lambda: "CrashLoopBackOff" in reason(kube, bookstore, "basket"))
    assert "Deployment/basket" in apps.unhealthy(kube, bookstore)
    kube.patch(
        "Deployment", bookstore, "basket", _image("basket", "registry.example.com/bookstore/basket:1.7.3")
    )
    apps.wait_healthy(lab_cluster.kubeconfig, bookstore, 20)


def test_an_image_that_nobody_pushed(lab_cluster: LabCluster, kube: Kube, bookstore: str) -> None:
    kube.patch("Deployment", bookstore, "orders", _image("orders", "registry.example.com/nothing:1"))
    wait(lambda: "ImagePullBackOff" in reason(kube, bookstore, "orders"))
    events = [e["message"] for e in kube.list("Event", bookstore) if e["reason"] == "Failed"]
    assert any("nothing:1: not found" in message for message in events)
    with pytest.raises(LabError, match="Deployment/orders"):
        apps.wait_healthy(lab_cluster.kubeconfig, bookstore, 0.5)


def _image(name: str, image: str) -> dict[str, object]:
    return {"spec": {"template": {"spec": {"containers": [{"name": name, "image": image}]}}}}


def test_a_pod_without_any_description_is_soon_ready(kube: Kube) -> None:
    spec = {"containers": [{"name": "c", "image": "whatever"}]}
    kube.create({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "plain"}, "spec": spec}, "default")
    try:
        wait(lambda: is_ready(kube.get("Pod", "default", "plain") or {}), 5)
    finally:
        kube.delete("Pod", "default", "plain", 0)


def test_admission_is_as_in_a_real_cluster(kube: Kube) -> None:
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "strict"}}
    space["metadata"] = {"name": "strict", "labels": {"pod-security.kubernetes.io/enforce": "restricted"}}
    kube.apply(space)
    wait(lambda: kube.get("ServiceAccount", "strict", "default"))
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}}
    with pytest.raises(ApiError, match="violates PodSecurity"):
        kube.create({**pod, "spec": {"containers": [{"name": "c", "image": "i"}]}}, "strict")
    kube.delete("Namespace", None, "strict")


@pytest.mark.slow
def test_a_stopped_cluster_is_resumed(tmp_path: Path) -> None:
    cluster = LabCluster(tmp_path)
    try:
        cluster.up()
        before = State.load(tmp_path)
        config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "kept"}}
        cluster.kube().create(config, "default")
        cluster.up()  # nothing to do
        running = State.load(tmp_path)
        cluster.down()
        assert not cluster.running()
        began = time.monotonic()
        cluster.up()
        assert time.monotonic() - began < 30
        after = State.load(tmp_path)
        assert before and running and after
        assert before.processes == running.processes
        assert (before.ports, before.tokens) == (after.ports, after.tokens)
        assert cluster.kube().get("ConfigMap", "default", "kept")
        cluster.up(fresh=True)
        assert cluster.kube().get("ConfigMap", "default", "kept") is None
    finally:
        cluster.down()


def test_a_failed_start_says_what_failed_and_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(home: Path, ports: Ports) -> dict[str, list[str | Path]]:
        return {**commands(home, ports), "etcd": ["bash", "-c", "echo the disk is full; exit 1"]}

    monkeypatch.setattr("lab.cluster.commands", broken)
    cluster = LabCluster(tmp_path)
    with pytest.raises(LabError, match="etcd ended") as problem:
        cluster.up()
    assert "the disk is full" in str(problem.value)
    assert str(tmp_path / "logs" / "etcd.log") in str(problem.value)
    state = State.load(tmp_path)
    assert state is not None
    assert state.processes == []


def test_a_missing_tool_is_a_lab_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUTURE_TOOLS", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LabError, match="make tools"):
        LabCluster(tmp_path / "lab").up()
