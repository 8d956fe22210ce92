"""How the infrastructure looks in a snapshot."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from suture.diagnosis.infrastructure import MOST_PODS, survey
from suture.domain.snapshot import Snapshot


def node(name: str, ready: str | None, reason: str = "") -> dict[str, Any]:
    conditions = [] if ready is None else [{"type": "Ready", "status": ready, "reason": reason}]
    return {"kind": "Node", "metadata": {"name": name}, "status": {"conditions": conditions}}


def pod(name: str, phase: str, waiting: str = "", namespace: str = "shop") -> dict[str, Any]:
    state = {"waiting": {"reason": waiting}} if waiting else {"running": {}}
    status = {"phase": phase, "containerStatuses": [{"state": state}]}
    return {"kind": "Pod", "metadata": {"name": name, "namespace": namespace}, "status": status}


def test_tells_nodes_and_pods_that_are_away() -> None:
    objects = [
        node("a", "True"),
        node("b", "Unknown", "NodeStatusUnknown"),
        node("c", None),
        pod("web", "Running"),
        pod("job", "Succeeded"),
        pod("api", "Running", "CrashLoopBackOff"),
        pod("db", "Pending", namespace="data"),
    ]
    found = survey(Snapshot(objects, datetime.now(UTC)))
    assert (found.nodes, found.pods, found.not_running) == (3, 4, 2)
    assert found.nodes_not_ready == {"b": "NodeStatusUnknown", "c": "says nothing"}
    assert found.pods_not_running == {"data": ["db (Pending)"], "shop": ["api (CrashLoopBackOff)"]}


def test_a_whole_namespace_that_is_away_stays_short() -> None:
    pods = [pod(f"web-{n:03}", "Pending") for n in range(200)]
    found = survey(Snapshot(pods, datetime.now(UTC)))
    assert found.not_running == 200
    assert len(found.pods_not_running["shop"]) == MOST_PODS + 1
    assert found.pods_not_running["shop"][-1] == "and 180 more"
