"""A little cluster in memory that changes by actions, and an oracle that says which actions must never reach it.

The oracle is written against manifests alone, without the engine's own reading of them.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from suture.domain.action import Action, Receipt
from suture.domain.errors import TargetNotFound
from suture.domain.snapshot import Manifest, Snapshot
from suture.domain.target import ObjectRef

NAMESPACES = ("shop", "kube-system", "vault", "gitops")
SIZES = {"web": 4, "api": 2, "solo": 1, "queue": 3}
NODES = ("n1", "n2", "n3", "n4", "n5")


class LittleCluster:
    """Deployments of several sizes in each namespace with their pods, budgets over `queue`, five nodes of which one is lost."""

    name = "default"

    def __init__(self) -> None:
        self.objects: dict[ObjectRef, Manifest] = {}
        self.applied: list[Receipt] = []
        self.forbidden: list[str] = []
        for namespace in NAMESPACES:
            marks = {"suture.dev/protected": "true"} if namespace == "vault" else {}
            self._add("Namespace", "", namespace, {"annotations": marks})
            for name, size in SIZES.items():
                self._workload(namespace, name, size)
            self._budget(namespace)
        for name in NODES:
            ready = "Unknown" if name == "n5" else "True"
            status = {"conditions": [{"type": "Ready", "status": ready}]}
            self._add("Node", "", name, {}, spec={}, status=status)
        self.find("Deployment", "shop", "solo")["metadata"]["annotations"] = {
            "suture.dev/protected": "ask ann"
        }

    def _add(self, kind: str, namespace: str, name: str, meta: Manifest, **rest: Any) -> None:
        ref = ObjectRef(kind=kind, namespace=namespace, name=name)
        where = {"namespace": namespace} if namespace else {}
        self.objects[ref] = {
            "kind": kind,
            "metadata": {"name": name, "uid": f"{namespace}-{kind}-{name}", **where, **meta},
            **rest,
        }

    def find(self, kind: str, namespace: str, name: str) -> Manifest:
        return self.objects[ObjectRef(kind=kind, namespace=namespace, name=name)]

    def _workload(self, namespace: str, name: str, size: int) -> None:
        marks = {"kustomize.toolkit.fluxcd.io/name": "apps"} if namespace == "gitops" else {}
        template = {"metadata": {"labels": {"app": name}}, "spec": {}}
        spec = {"replicas": size, "selector": {"matchLabels": {"app": name}}, "template": template}
        self._add("Deployment", namespace, name, {"labels": marks}, spec=spec)
        for number in range(size):
            self._pod(namespace, name, number)

    def _pod(self, namespace: str, name: str, number: int, ready: bool = True) -> None:
        owner = {
            "kind": "Deployment",
            "name": name,
            "uid": f"{namespace}-Deployment-{name}",
            "controller": True,
        }
        self._add(
            "Pod",
            namespace,
            f"{name}-{number}",
            {"labels": {"app": name}, "ownerReferences": [owner]},
            spec={"nodeName": NODES[number % 4]},
            status={"phase": "Running", "conditions": [{"type": "Ready", "status": str(ready)}]},
        )

    def _budget(self, namespace: str) -> None:
        spec = {"minAvailable": 2, "selector": {"matchLabels": {"app": "queue"}}}
        self._add("PodDisruptionBudget", namespace, "queue", {}, spec=spec, status={"disruptionsAllowed": 1})

    def pods(self, namespace: str, name: str) -> list[Manifest]:
        return [
            o
            for ref, o in self.objects.items()
            if (ref.kind, ref.namespace) == ("Pod", namespace) and o["metadata"]["labels"]["app"] == name
        ]

    def serving(self) -> dict[tuple[str, str], int]:
        """How many pods of each workload are ready."""
        return {
            (space, name): sum(map(_ready, self.pods(space, name))) for space in NAMESPACES for name in SIZES
        }

    # the port
    async def snapshot(self, namespace: str, fresh: bool = False) -> Snapshot:
        return Snapshot(list(self.objects.values()), datetime.now(UTC))

    async def prepare(self, action: Action, key: str, dry_run: bool = False) -> Receipt:
        if action.object not in self.objects and action.kind not in ("recreate_object", "remove_created"):
            raise TargetNotFound(str(action.object))
        return Receipt(key=key, action=action, prepared_at=datetime.now(UTC), dry_run=dry_run)

    async def apply(self, receipt: Receipt) -> Receipt:
        reason = forbidden(self, receipt.action)
        if reason:
            self.forbidden.append(f"{reason}: {receipt.action.describe()}")
        self._carry_out(receipt.action)
        done = receipt.model_copy(update={"done_at": datetime.now(UTC)})
        self.applied.append(done)
        return done

    async def logs(self, pod: ObjectRef, container: str, previous: bool = False, lines: int = 50) -> str:
        return ""

    async def ready(self) -> None: ...

    def _carry_out(self, action: Action) -> None:
        ref = action.object
        if (after := _replicas(action)) is not None and ref in self.objects and ref.kind == "Deployment":
            self.objects[ref]["spec"]["replicas"] = after
            for pod in self.pods(ref.namespace, ref.name)[after:]:
                del self.objects[ObjectRef(kind="Pod", namespace=ref.namespace, name=pod["metadata"]["name"])]
        if action.kind == "delete_pod" and ref in self.objects:
            self.objects[ref]["status"]["conditions"][0]["status"] = "False"  # its successor, not ready yet
            if self.objects[ref]["metadata"]["labels"]["app"] == "queue":
                self.find("PodDisruptionBudget", ref.namespace, "queue")["status"]["disruptionsAllowed"] = 0
        if ref.kind == "Node" and ref in self.objects and _closes(action):
            self.objects[ref]["spec"]["unschedulable"] = True
        if action.kind == "uncordon" and ref in self.objects:
            self.objects[ref]["spec"].pop("unschedulable", None)


def forbidden(world: LittleCluster, action: Action) -> str | None:
    """Why this action must not reach the cluster as it is; None when it may."""
    ref = action.object
    if ref.namespace in ("kube-system", "vault") or (
        ref.kind == "Namespace" and ref.name in ("kube-system", "vault")
    ):
        return "a closed namespace"
    if (ref.kind, ref.namespace, ref.name) == ("Deployment", "shop", "solo") or (
        ref.kind == "Pod"
        and ref.namespace == "shop"
        and ref.name.startswith("solo-")
        and ref in world.objects
    ):  # a pod that is not there belongs to nobody, whatever it is called
        return "a protected object"
    if action.kind == "delete_object":
        return "irreversible"
    if action.kind == "remove_created" and not action.expect.uid:
        return "removes what nobody has seen appear"
    if ref.namespace == "gitops" and ref.kind == "Deployment" and ref in world.objects:
        return "belongs to Git"
    return _node_rule(world, action) or _pod_rule(world, action) or _size_rule(world, action)


def _node_rule(world: LittleCluster, action: Action) -> str | None:
    if not _closes(action) or action.object.kind != "Node":
        return None
    nodes = {r.name: o for r, o in world.objects.items() if r.kind == "Node"}
    away = {n for n, o in nodes.items() if n == "n5" or o["spec"].get("unschedulable")} | {action.object.name}
    return "too many nodes" if len(away) > 0.49 * len(nodes) else None


def _pod_rule(world: LittleCluster, action: Action) -> str | None:
    pod = world.objects.get(action.object)
    if action.kind != "delete_pod" or pod is None or not _ready(pod):
        return None
    name, namespace = pod["metadata"]["labels"]["app"], action.object.namespace
    allowed = world.find("PodDisruptionBudget", namespace, "queue")["status"]["disruptionsAllowed"]
    if name == "queue" and not allowed:
        return "against a budget"
    return None


def _size_rule(world: LittleCluster, action: Action) -> str | None:
    after, workload = _replicas(action), world.objects.get(action.object)
    if after is None or workload is None or workload["kind"] != "Deployment":
        return None
    before = workload["spec"]["replicas"]
    if abs(after - before) > 50:
        return "too many replicas"
    ready = sum(map(_ready, world.pods(action.object.namespace, action.object.name)))
    if after < ready and before > 1 and (ready - after) / before > 0.671:
        return "takes a workload away"
    return None


def emptied(world: LittleCluster, serving: dict[tuple[str, str], int], plan: list[Action]) -> list[str]:
    """Workloads of which one plan deleted more than two thirds of the pods that served before."""
    gone = {(a.object.namespace, a.object.name.rpartition("-")[0]) for a in plan if a.kind == "delete_pod"}
    left = world.serving()
    return [
        f"{where} lost its pods"
        for where in gone & set(serving)
        if (wanted := SIZES[where[1]]) > 1 and (serving[where] - left[where]) / wanted > 0.671
    ]


def _ready(pod: Manifest) -> bool:
    return bool(pod["status"]["conditions"][0]["status"] == "True")


def _replicas(action: Action) -> int | None:
    if action.kind == "scale":
        return action.replicas
    body = action.body if action.kind == "patch" else None
    if isinstance(body, dict):
        value = body.get("spec", {}).get("replicas")
        return value if isinstance(value, int) else None
    ops = [op for op in body or [] if op["path"] == "/spec/replicas"]
    return ops[-1]["value"] if ops else None


def _closes(action: Action) -> bool:
    if action.kind == "cordon":
        return True
    if action.kind != "patch":
        return False
    if isinstance(action.body, dict):
        return bool(action.body.get("spec", {}).get("unschedulable"))
    return any(op["path"] == "/spec/unschedulable" and op.get("value") for op in action.body)
