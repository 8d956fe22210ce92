"""How the infrastructure as a whole looks: which nodes are not ready, and which pods do not run, by namespace."""

from __future__ import annotations

from suture.domain.emergency import Survey
from suture.domain.snapshot import Manifest, Snapshot

MOST_PODS = 20  # that are named for a namespace: an outage has thousands


def survey(snapshot: Snapshot) -> Survey:
    """Without the dependencies, which no cluster knows."""
    nodes, pods = snapshot.all("Node"), snapshot.all("Pod")
    away: dict[str, list[str]] = {}
    for pod in pods:
        if why := _not_running(pod):
            away.setdefault(pod["metadata"].get("namespace", ""), []).append(
                f"{pod['metadata']['name']} ({why})"
            )
    return Survey(
        at=snapshot.taken_at,
        nodes=len(nodes),
        nodes_not_ready={n["metadata"]["name"]: why for n in nodes if (why := _not_ready(n))},
        pods=len(pods),
        not_running=sum(map(len, away.values())),
        pods_not_running={namespace: _few(sorted(names)) for namespace, names in sorted(away.items())},
    )


def _few(names: list[str]) -> list[str]:
    left = len(names) - MOST_PODS
    return names if left <= 0 else [*names[:MOST_PODS], f"and {left} more"]


def _not_ready(node: Manifest) -> str:
    conditions = (node.get("status") or {}).get("conditions") or []
    ready = next((c for c in conditions if c.get("type") == "Ready"), None)
    if ready is None:
        return "says nothing"
    return "" if ready.get("status") == "True" else str(ready.get("reason") or "not ready")


def _not_running(pod: Manifest) -> str:
    """Empty for one that serves or has done its work."""
    status = pod.get("status") or {}
    phase = str(status.get("phase") or "Unknown")
    if phase == "Succeeded":
        return ""
    for container in status.get("containerStatuses") or []:
        waiting = (container.get("state") or {}).get("waiting")
        if waiting:
            return str(waiting.get("reason") or "waiting")
    return "" if phase == "Running" else str(status.get("reason") or phase)
