"""From the labels of an alert to the object that is to be healed; an alert always gets a target.

The cluster knows best: it tells a pod's top owner, so that alerts about ten pods become one incident. When it
doesn't answer, or the labels name nothing that it has, the labels alone decide, always in the same way. An
alert about nothing that is known becomes the target `Alert/<namespace>/<alertname>`, which a person looks
after.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import time
from collections.abc import Awaitable, Callable, Mapping

import structlog

from suture.domain.errors import SutureError
from suture.domain.snapshot import Snapshot
from suture.domain.target import ObjectRef, Target
from suture.ports import Cluster

log = structlog.get_logger(__name__)

Resolver = Callable[[Mapping[str, str]], Awaitable[Target]]
Finder = Callable[[Snapshot, Mapping[str, str], str], ObjectRef | None]

WORKLOAD_LABELS = (  # the label that names an object of a kind, the most lasting owner first
    ("deployment", "Deployment"),
    ("statefulset", "StatefulSet"),
    ("daemonset", "DaemonSet"),
    ("cronjob", "CronJob"),
    ("job_name", "Job"),
    ("replicaset", "ReplicaSet"),
    ("pod", "Pod"),
    ("service", "Service"),
    ("ingress", "Ingress"),
    ("persistentvolumeclaim", "PersistentVolumeClaim"),
    ("horizontalpodautoscaler", "HorizontalPodAutoscaler"),
)
ALERT = "Alert"
UNNAMED_CLUSTER = "default"
SNAPSHOT_SECONDS = 2.0  # a storm reads the cluster once, not once an alert
AWAY_SECONDS = 5.0  # how long a cluster that did not answer is left alone
TIMEOUT_SECONDS = 3.0
_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")


def label(labels: Mapping[str, str], name: str) -> str:
    """A label's value.

    Exporters that speak about others (kube-state-metrics) have the object in `exported_<name>`.
    """
    return (labels.get(f"exported_{name}") or labels.get(name) or "").strip()


def fallback_target(labels: Mapping[str, str], cluster: str) -> Target:
    """The target that the labels alone give; never raises.

    >>> str(fallback_target({"namespace": "shop", "deployment": "web", "pod": "web-1"}, "default"))
    'Deployment/shop/web'
    >>> str(fallback_target({"alertname": "Disk full!"}, "default"))
    'Alert/Disk-full-234166'
    """
    namespace = label(labels, "namespace")
    namespace = namespace if _NAME.fullmatch(namespace) else ""
    if namespace:
        for name, kind in WORKLOAD_LABELS:
            if _NAME.fullmatch(label(labels, name)):
                return Target(cluster=cluster, namespace=namespace, kind=kind, name=label(labels, name))
    elif _NAME.fullmatch(label(labels, "node")):
        return Target(cluster=cluster, kind="Node", name=label(labels, "node"))
    return Target(cluster=cluster, namespace=namespace, kind=ALERT, name=slug(labels.get("alertname", "")))


def slug(text: str, limit: int = 120) -> str:
    """A name that is legal everywhere; a short hash keeps apart what would look the same."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", text[:limit]).strip("-._")
    if plain == text and plain:
        return plain
    return f"{plain or 'unnamed'}-{hashlib.sha256(text.encode('utf-8', 'replace')).hexdigest()[:6]}"


class ClusterResolver:
    """A `Resolver` over one cluster. `find` is suture.diagnosis.resolve.resolve."""

    def __init__(self, cluster: Cluster, find: Finder, timeout: float = TIMEOUT_SECONDS) -> None:
        self._cluster = cluster
        self._find = find
        self._timeout = timeout
        self._snapshots: dict[str, tuple[float, Snapshot]] = {}
        self._away_until = 0.0
        self._reading = asyncio.Lock()

    async def __call__(self, labels: Mapping[str, str]) -> Target:
        elsewhere = self._other_cluster(labels)
        if elsewhere:
            return fallback_target(labels, elsewhere)
        namespace = label(labels, "namespace")
        snapshot = await self._snapshot(namespace if _NAME.fullmatch(namespace) else "")
        ref = self._find_in(snapshot, labels, namespace) if snapshot else None
        if ref is None:
            return fallback_target(labels, self._cluster.name)
        return Target(cluster=self._cluster.name, namespace=ref.namespace, kind=ref.kind, name=ref.name)

    def _other_cluster(self, labels: Mapping[str, str]) -> str:
        """The other cluster that the alert is about: this cluster's objects of that name aren't meant.

        An installation that gave its cluster no name can't tell, and takes every alert as its own.
        """
        said = labels.get("cluster", "").strip()
        if not said or self._cluster.name in (UNNAMED_CLUSTER, said):
            return ""
        return slug(said)

    def _find_in(self, snapshot: Snapshot, labels: Mapping[str, str], namespace: str) -> ObjectRef | None:
        try:
            return self._find(snapshot, labels, namespace)
        except Exception:  # an alert with odd labels must not be lost
            log.exception("labels could not be matched with the cluster", labels=dict(labels))
            return None

    async def _snapshot(self, namespace: str) -> Snapshot | None:
        async with self._reading:
            now = time.monotonic()
            at, snapshot = self._snapshots.get(namespace, (0.0, None))
            if snapshot and now - at < SNAPSHOT_SECONDS:
                return snapshot
            if now < self._away_until:
                return None
            return await self._read(namespace)

    async def _read(self, namespace: str) -> Snapshot | None:
        try:
            async with asyncio.timeout(self._timeout):
                snapshot = await self._cluster.snapshot(namespace)
        except (SutureError, TimeoutError) as e:
            self._away_until = time.monotonic() + AWAY_SECONDS
            log.warning(
                "no answer from the cluster: targets come from labels alone", reason=str(e) or "timeout"
            )
            return None
        now = time.monotonic()
        self._snapshots = {ns: s for ns, s in self._snapshots.items() if now - s[0] < SNAPSHOT_SECONDS}
        self._snapshots[namespace] = now, snapshot
        return snapshot
