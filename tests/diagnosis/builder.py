"""Manifests as a real cluster has them: owners, hashes, kubelet statuses and the controllers' counts, told
in few words.

world = World() web = world.deployment("web", Rev("web:1", [ready(), ready()], age=3600), Rev("web:2",
[crash(3)], age=60)) symptoms(world.snapshot(), web, NOW)
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from suture.domain.report import Report, ReportStatus
from suture.domain.snapshot import Manifest, Snapshot, dig, ref_of
from suture.domain.target import ObjectRef, Target

NOW = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)
NS = "shop"
PodState = Callable[[Manifest], None]


_UNREACHABLE = {"key": "node.kubernetes.io/unreachable", "effect": "NoExecute"}


def ago(seconds: float) -> str:
    return (NOW - timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


def at(seconds_ago: float) -> datetime:
    return NOW - timedelta(seconds=seconds_ago)


def template(image: str = "web:1", name: str = "web", **spec: Any) -> Manifest:
    """A pod template with one container; `container=` holds its further fields."""
    container = {"name": name, "image": f"registry.example.com/{image}", **spec.pop("container", {})}
    return {"metadata": {"labels": {"app": name}}, "spec": {"containers": [container], **spec}}


def condition(kind: str, status: str, seconds_ago: float, reason: str = "", message: str = "") -> Manifest:
    more = {k: v for k, v in (("reason", reason), ("message", message)) if v}
    return {"type": kind, "status": status, "lastTransitionTime": ago(seconds_ago), **more}


def _status(pod: Manifest, name: str, state: Manifest, **more: Any) -> Manifest:
    image = next(c["image"] for c in _containers(pod) if c["name"] == name)
    return {
        "name": name,
        "image": image,
        "ready": False,
        "started": False,
        "restartCount": 0,
        "state": state,
        **more,
    }


def _containers(pod: Manifest) -> list[Manifest]:
    return [*pod["spec"].get("initContainers", []), *pod["spec"]["containers"]]


def _set(pod: Manifest, statuses: list[Manifest], phase: str, is_ready: bool, since: float) -> None:
    inits = {c["name"] for c in pod["spec"].get("initContainers", [])}
    status = pod["status"]
    status.update(phase=phase, startTime=pod["metadata"]["creationTimestamp"])
    status["containerStatuses"] = [s for s in statuses if s["name"] not in inits]
    if inits:
        status["initContainerStatuses"] = [s for s in statuses if s["name"] in inits]
    status["conditions"] = [
        condition("PodScheduled", "True", since),
        condition("Ready", "True" if is_ready else "False", since, "" if is_ready else "ContainersNotReady"),
    ]


def _others_done(pod: Manifest, but: str) -> list[Manifest]:
    inits = [c["name"] for c in pod["spec"].get("initContainers", [])]
    return [
        _status(pod, n, {"terminated": {"exitCode": 0, "reason": "Completed"}}, ready=True)
        for n in inits
        if n != but
    ]


def _main(pod: Manifest, container: str) -> str:
    return container or str(pod["spec"]["containers"][0]["name"])


def ready(after: float = 5, since: float | None = None, restarts: int = 0, ran: float = 30) -> PodState:
    """Ready `after` seconds from its start; or since so many seconds, after `restarts` crashes of runs of
    `ran` seconds.
    """

    def put(pod: Manifest) -> None:
        born = (NOW - datetime.fromisoformat(pod["metadata"]["creationTimestamp"])).total_seconds()
        up = born - after if since is None else since
        last = {
            "terminated": {
                "exitCode": 1,
                "reason": "Error",
                "startedAt": ago(up + ran),
                "finishedAt": ago(up),
            }
        }
        more = {"restartCount": restarts, "lastState": last} if restarts else {}
        running = {"running": {"startedAt": ago(up)}}
        mains = [
            _status(pod, c["name"], running, **{"ready": True, "started": True, **more})
            for c in pod["spec"]["containers"]
        ]
        _set(pod, [*_others_done(pod, ""), *mains], "Running", True, up)

    return put


def waiting(reason: str, message: str = "", since: float = 60, container: str = "") -> PodState:
    """A container that cannot start."""

    def put(pod: Manifest) -> None:
        state = {"waiting": {"reason": reason, **({"message": message} if message else {})}}
        name = _main(pod, container)
        _set(pod, [*_others_done(pod, name), _status(pod, name, state)], "Pending", False, since)

    return put


def pulling(since: float = 60, reason: str = "ImagePullBackOff") -> PodState:
    def put(pod: Manifest) -> None:
        image = pod["spec"]["containers"][0]["image"]
        waiting(reason, f'Back-off pulling image "{image}": not found', since)(pod)

    return put


def crash(
    restarts: int = 3,
    last: float = 5,
    reason: str = "Error",
    code: int = 1,
    ran: float = 1,
    container: str = "",
    since: float = 60,
) -> PodState:
    """In back-off after `restarts` restarts, the last exit so many seconds ago, after a run of `ran`
    seconds.
    """

    def put(pod: Manifest) -> None:
        name = _main(pod, container)
        ended = {"exitCode": code, "reason": reason, "startedAt": ago(last + ran), "finishedAt": ago(last)}
        state = {
            "waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s restarting failed container"}
        }
        status = _status(pod, name, state, restartCount=restarts, lastState={"terminated": ended})
        _set(pod, [*_others_done(pod, name), status], "Running", False, since)

    return put


def oom(restarts: int = 3, last: float = 5, container: str = "") -> PodState:
    return crash(restarts, last, "OOMKilled", 137, container=container)


def came_back(restarts: int = 1, up: float = 4, code: int = 1) -> PodState:
    """Crashed, runs again, is not ready yet."""

    def put(pod: Manifest) -> None:
        ended = {"exitCode": code, "reason": "Error", "startedAt": ago(up + 9), "finishedAt": ago(up)}
        state = {"running": {"startedAt": ago(up)}}
        status = _status(
            pod, _main(pod, ""), state, restartCount=restarts, started=True, lastState={"terminated": ended}
        )
        _set(pod, [status], "Running", False, up + 30)

    return put


def unready(since: float = 10, up: float | None = None) -> PodState:
    """Runs since `up` seconds (default: since it is unready) and is not ready since so many seconds."""

    def put(pod: Manifest) -> None:
        state = {"running": {"startedAt": ago(since if up is None else up)}}
        _set(pod, [_status(pod, _main(pod, ""), state, started=True)], "Running", False, since)

    return put


def pending(message: str, since: float = 60, reason: str = "Unschedulable") -> PodState:
    def put(pod: Manifest) -> None:
        pod["spec"].pop("nodeName", None)
        pod["status"].update(
            phase="Pending", conditions=[condition("PodScheduled", "False", since, reason, message)]
        )

    return put


def finished(phase: str = "Failed", reason: str = "Evicted") -> PodState:
    def put(pod: Manifest) -> None:
        pod["status"].update(phase=phase, reason=reason)

    return put


def deleting(state: PodState, over: float = -20) -> PodState:
    """Being deleted; its grace period ended `over` seconds ago (negative: ends in the future)."""

    def put(pod: Manifest) -> None:
        state(pod)
        pod["metadata"].update(deletionTimestamp=ago(over), deletionGracePeriodSeconds=30)

    return put


def on(node: str, state: PodState) -> PodState:
    def put(pod: Manifest) -> None:
        pod["spec"]["nodeName"] = node
        state(pod)

    return put


@dataclass
class Rev:
    """One revision of a workload: its template (or just an image), its pods, how long ago it was made."""

    template: Manifest | str
    pods: list[PodState] = field(default_factory=list)
    age: float = 3600
    pod_age: float | None = None
    wanted: int | None = None

    def manifest(self, name: str) -> Manifest:
        return (
            template(self.template, name) if isinstance(self.template, str) else copy.deepcopy(self.template)
        )


class World:
    """A namespace in the making, with three ready nodes."""

    def __init__(self, nodes: int = 3) -> None:
        self.objects: list[Manifest] = []
        self._count = 0
        for i in range(1, nodes + 1):
            self.node(f"node-{i}")
        for kind, name in (
            ("ConfigMap", "kube-root-ca.crt"),
            ("ServiceAccount", "default"),
            ("Secret", "registry"),
        ):
            self.add(kind, name)

    def add(
        self, kind: str, name: str, namespace: str = NS, owner: Manifest | None = None, **body: Any
    ) -> Manifest:
        self._count += 1
        meta: Manifest = {"name": name, "uid": f"uid-{self._count}", "creationTimestamp": ago(86400)}
        meta.update(
            {"namespace": namespace} if namespace else {},
            resourceVersion=str(self._count),
            **body.pop("meta", {}),
        )
        if owner:
            meta["ownerReferences"] = [
                {
                    "kind": owner["kind"],
                    "name": owner["metadata"]["name"],
                    "uid": owner["metadata"]["uid"],
                    "controller": True,
                }
            ]
        made = {"kind": kind, "metadata": meta, **body}
        self.objects.append(made)
        return made

    def find(self, ref: ObjectRef) -> Manifest:
        return next(o for o in self.objects if ref_of(o) == ref)

    def node(self, name: str, status: str = "True", since: float = 86400, cordoned: bool = False) -> Manifest:
        self.objects = [o for o in self.objects if (o["kind"], o["metadata"]["name"]) != ("Node", name)]
        reason = {"True": "KubeletReady", "Unknown": "NodeStatusUnknown"}.get(status, "KubeletNotReady")
        message = "Kubelet stopped posting node status." if status == "Unknown" else ""
        return self.add(
            "Node",
            name,
            "",
            spec={
                **({"unschedulable": True} if cordoned else {}),
                **({"taints": [_UNREACHABLE]} if status == "Unknown" else {}),
            },
            status={
                "conditions": [condition("Ready", status, since, reason, message)],
                "allocatable": {"memory": "8Gi", "cpu": "4"},
                "addresses": [
                    {"type": "InternalIP", "address": f"10.0.0.{self._count}"},
                    {"type": "Hostname", "address": name},
                ],
            },
        )

    def pod(
        self,
        name: str,
        made_of: Manifest,
        state: PodState,
        owner: Manifest | None = None,
        age: float = 60,
        **labels: str,
    ) -> Manifest:
        spec = copy.deepcopy(made_of["spec"])
        spec.setdefault("nodeName", "node-1")
        spec.setdefault("restartPolicy", "Always")
        meta = {"labels": {**made_of["metadata"].get("labels", {}), **labels}, "creationTimestamp": ago(age)}
        pod = self.add("Pod", name, owner=owner, meta=meta, spec=spec, status={})
        state(pod)
        return pod

    def event(
        self,
        about: Manifest | ObjectRef,
        reason: str,
        message: str,
        first: float = 60,
        last: float = 1,
        kind: str = "Warning",
    ) -> None:
        ref = about if isinstance(about, ObjectRef) else ref_of(about)
        self.add(
            "Event",
            f"{ref.name}.{self._count}",
            type=kind,
            reason=reason,
            message=message,
            firstTimestamp=ago(first),
            lastTimestamp=ago(last),
            involvedObject={"kind": ref.kind, "namespace": ref.namespace, "name": ref.name},
        )

    def deployment(self, name: str, *revs: Rev, replicas: int | None = None, **spec: Any) -> ObjectRef:
        """Oldest revision first; replicas defaults to the pods of the fullest revision."""
        wanted = max(len(r.pods) for r in revs) if replicas is None else replicas
        meta = {"generation": len(revs), "annotations": {"deployment.kubernetes.io/revision": str(len(revs))}}
        status = spec.pop("status", {})
        top = self.add(
            "Deployment",
            name,
            meta=meta,
            spec={"replicas": wanted, "template": revs[-1].manifest(name), **spec},
        )
        pods: list[Manifest] = []
        for number, rev in enumerate(revs, 1):
            pods = self._replica_set(top, number, rev)
        everyone = self.snapshot().pods_of(ref_of(top))
        top["status"] = {"observedGeneration": len(revs), **_counts(everyone, pods), **status}
        return ref_of(top)

    def _replica_set(self, top: Manifest, number: int, rev: Rev) -> list[Manifest]:
        made_of = rev.manifest(top["metadata"]["name"])
        mark = f"{number}{'bcdfgh'[number]}7d9"
        made_of["metadata"].setdefault("labels", {})["pod-template-hash"] = mark
        wanted = len(rev.pods) if rev.wanted is None else rev.wanted
        notes = {
            "deployment.kubernetes.io/revision": str(number),
            "deployment.kubernetes.io/desired-replicas": "3",
        }
        meta = {
            "labels": {"pod-template-hash": mark},
            "annotations": notes,
            "creationTimestamp": ago(rev.age),
        }
        name = f"{top['metadata']['name']}-{mark}"
        held = self.add(
            "ReplicaSet", name, owner=top, meta=meta, spec={"replicas": wanted, "template": made_of}
        )
        age = rev.age if rev.pod_age is None else rev.pod_age
        pods = [self.pod(f"{name}-x{i}bcd", made_of, s, held, age) for i, s in enumerate(rev.pods, 2)]
        counts = _counts(pods, pods)
        held["status"] = {k: counts[k] for k in ("replicas", "readyReplicas", "availableReplicas")}
        return pods

    def stateful_set(self, name: str, *revs: Rev, replicas: int | None = None, **spec: Any) -> ObjectRef:
        """Pods are numbered upwards, oldest revision first."""
        total = sum(len(r.pods) for r in revs)
        wanted = total if replicas is None else replicas
        body = {"replicas": wanted, "template": revs[-1].manifest(name), "serviceName": name, **spec}
        top = self.add("StatefulSet", name, meta={"generation": len(revs)}, spec=body)
        newest: list[Manifest] = []
        ordinal = 0
        for number, rev in enumerate(revs, 1):
            revision = self._controller_revision(top, number, rev, f"{name}-{number}c6f")
            newest = []
            for state in rev.pods:
                mark = revision["metadata"]["name"]
                labels = {"controller-revision-hash": mark}
                age = rev.age if rev.pod_age is None else rev.pod_age
                newest.append(self.pod(f"{name}-{ordinal}", rev.manifest(name), state, top, age, **labels))
                ordinal += 1
        everyone = self.snapshot().pods_of(ref_of(top))
        counts = _counts(everyone, newest)
        del counts["unavailableReplicas"]
        done = counts["updatedReplicas"] == wanted
        top["status"] = {
            "observedGeneration": len(revs),
            "updateRevision": f"{name}-{len(revs)}c6f",
            "currentRevision": f"{name}-{len(revs) if done else max(1, len(revs) - 1)}c6f",
            **counts,
        }
        return ref_of(top)

    def _controller_revision(self, top: Manifest, number: int, rev: Rev, name: str) -> Manifest:
        data = {"spec": {"template": {**rev.manifest(top["metadata"]["name"]), "$patch": "replace"}}}
        return self.add(
            "ControllerRevision",
            name,
            owner=top,
            meta={"creationTimestamp": ago(rev.age)},
            revision=number,
            data=data,
        )

    def daemon_set(self, name: str, *revs: Rev) -> ObjectRef:
        top = self.add(
            "DaemonSet", name, meta={"generation": len(revs)}, spec={"template": revs[-1].manifest(name)}
        )
        newest: list[Manifest] = []
        for number, rev in enumerate(revs, 1):
            record = self._controller_revision(top, number, rev, f"{name}-{number}c6f")
            record["metadata"]["labels"] = {"controller-revision-hash": f"{number}c6f"}
            newest = [
                self.pod(
                    f"{name}-{number}{i}bcd",
                    rev.manifest(name),
                    s,
                    top,
                    rev.age,
                    **{"controller-revision-hash": f"{number}c6f"},
                )
                for i, s in enumerate(rev.pods, 2)
            ]
        counts = _counts(everyone := self.snapshot().pods_of(ref_of(top)), newest)
        top["status"] = {
            "observedGeneration": len(revs),
            "desiredNumberScheduled": len(everyone),
            "updatedNumberScheduled": counts["updatedReplicas"],
            "numberReady": counts["readyReplicas"],
            "numberAvailable": counts["availableReplicas"],
        }
        return ref_of(top)

    def service(self, name: str, **selector: str) -> ObjectRef:
        return ref_of(self.add("Service", name, spec={"selector": selector, "ports": [{"port": 80}]}))

    def autoscaler(self, of: ObjectRef, least: int = 2, name: str = "") -> ObjectRef:
        spec = {"scaleTargetRef": {"kind": of.kind, "name": of.name}, "minReplicas": least, "maxReplicas": 10}
        return ref_of(self.add("HorizontalPodAutoscaler", name or of.name, spec=spec))

    def snapshot(self) -> Snapshot:
        return Snapshot(self.objects, NOW)


def _counts(everyone: list[Manifest], newest: list[Manifest]) -> dict[str, int]:
    live = [
        p
        for p in everyone
        if "deletionTimestamp" not in p["metadata"] and dig(p, "status.phase") not in ("Failed", "Succeeded")
    ]
    up = sum(
        any(c["type"] == "Ready" and c["status"] == "True" for c in dig(p, "status.conditions", []))
        for p in live
    )
    return {
        "replicas": len(live),
        "updatedReplicas": sum(p in live for p in newest),
        "readyReplicas": up,
        "availableReplicas": up,
        "unavailableReplicas": len(live) - up,
    }


def target(ref: ObjectRef) -> Target:
    return Target(namespace=ref.namespace, kind=ref.kind, name=ref.name)


def report(
    ref: ObjectRef,
    reason: str = "KubePodCrashLooping",
    status: str = "firing",
    source: str = "alertmanager",
    **labels: str,
) -> Report:
    return Report(
        source=source, target=target(ref), status=ReportStatus(status), reason=reason, labels=labels
    )
