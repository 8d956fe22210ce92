"""From an alert's labels to the object that it is about, as Alertmanager and kube-prometheus label things.

The trap is that the labels of whoever measured (kube-state-metrics, node-exporter) ride along with those of
the subject, and that Prometheus's own `job` is a scrape job while kube-state-metrics says `job_name`. So
workloads come before pods, pods before services, and `job` comes last.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from suture.diagnosis.fields import items, text
from suture.diagnosis.fields import labels as labels_of
from suture.diagnosis.owners import climb, top_owner_of
from suture.diagnosis.pods import container_specs
from suture.diagnosis.references import references
from suture.diagnosis.selectors import selected_by_service
from suture.diagnosis.workload import pod_template
from suture.domain.snapshot import CLUSTER_SCOPED, Manifest, Snapshot, ref_of
from suture.domain.target import ObjectRef

MEASURERS = ("kube-state-metrics", "node-exporter", "prometheus-node-exporter", "cadvisor", "kubelet")
MEASURERS_OWN = ("pod", "container", "service", "instance", "endpoint", "job", "namespace")

_WORKLOAD_LABELS = {
    "deployment": "Deployment",
    "statefulset": "StatefulSet",
    "daemonset": "DaemonSet",
    "cronjob": "CronJob",
    "job_name": "Job",
    "replicaset": "ReplicaSet",
    "replicationcontroller": "ReplicationController",
}
_POD_LABELS = ("pod", "pod_name", "kubernetes_pod_name")
_KINDS = {k.lower(): k for k in (*_WORKLOAD_LABELS.values(), "Pod", "Node", "Service")}
_SERVED_BY = ("Deployment", "StatefulSet", "DaemonSet")


def resolve(snapshot: Snapshot, labels: Mapping[str, str], namespace: str) -> ObjectRef | None:
    """The top owner that the labels point at; None when they point at nothing that is known here."""
    subject = _of_subject(labels)
    namespace = subject.pop("namespace", "") or namespace
    for finder in (
        _workload,
        _described,
        _pod,
        _named,
        _autoscaler,
        _claim,
        _node,
        _service,
        _container,
        _address,
        _scrape_job,
        _mentioned,
    ):
        for found in finder(snapshot, subject, namespace):
            return found
    return None


def _of_subject(labels: Mapping[str, str]) -> dict[str, str]:
    """The labels of the subject: `exported_x` replaces `x`, and what describes the measurer is left out."""
    mine = {k: v for k, v in labels.items() if v}
    if _is_measurer(mine):
        dropped = [k for k in MEASURERS_OWN if k in mine and k not in ("instance", "namespace")]
        kept = {k: v for k, v in mine.items() if k not in dropped}
        rest = set(kept) - {"instance", "namespace", "alertname", "severity", "prometheus"}
        has_subject = any(
            k in _WORKLOAD_LABELS or k in _OTHER_SUBJECTS or k.startswith("exported_") for k in rest
        )
        if has_subject or (_measures_nodes(mine) and "instance" in mine):
            mine = kept
    exported = {k.removeprefix("exported_"): v for k, v in mine.items() if k.startswith("exported_")}
    mine.pop("namespace", None)
    return {**{k: v for k, v in mine.items() if not k.startswith("exported_")}, **exported}


_OTHER_SUBJECTS = (
    "node",
    "horizontalpodautoscaler",
    "hpa",
    "persistentvolumeclaim",
    "poddisruptionbudget",
    "resourcequota",
    "ingress",
    "networkpolicy",
    "persistentvolume",
    "workload",
    "created_by_name",
    "owner_name",
)


def _is_measurer(labels: Mapping[str, str]) -> bool:
    """Whether pod and container are those of the exporter itself rather than of what it tells about."""
    if labels.get("container") in MEASURERS:
        return True
    pod = labels.get("pod", "")
    return any(f"-{pod}".find(f"-{name}-") >= 0 for name in MEASURERS)


def _measures_nodes(labels: Mapping[str, str]) -> bool:
    return labels.get("job", "").endswith("node-exporter")


def _ref(kind: str, namespace: str, name: str) -> ObjectRef | None:
    try:
        return ObjectRef(kind=kind, namespace="" if kind in CLUSTER_SCOPED else namespace, name=name)
    except ValueError:
        return None


def _top(snapshot: Snapshot, kind: str, namespace: str, name: str) -> Iterator[ObjectRef]:
    """The top owner of a named object; also when it is gone but its owner can be told from the name."""
    ref = _ref(kind, namespace, name)
    if ref is None:
        return
    top = top_owner_of(snapshot, ref)
    if top != ref or snapshot.find(ref) is not None:
        yield top


def _workload(snapshot: Snapshot, labels: Mapping[str, str], namespace: str) -> Iterator[ObjectRef]:
    named = [(kind, labels[label]) for label, kind in _WORKLOAD_LABELS.items() if label in labels]
    for kind, name in named:
        yield from _top(snapshot, kind, namespace, name)
    for kind, name in named:  # gone altogether: still what the alert is about
        if ref := _ref(kind, namespace, name):
            yield ref


def _described(snapshot: Snapshot, labels: Mapping[str, str], namespace: str) -> Iterator[ObjectRef]:
    """Kind and name in two labels: workload and workload_type, created_by_*, owner_*."""
    for kind_label, name_label in (
        ("workload_type", "workload"),
        ("created_by_kind", "created_by_name"),
        ("owner_kind", "owner_name"),
    ):
        kind = _KINDS.get(labels.get(kind_label, "").lower())
        if kind and name_label in labels and kind != "Node":
            yield from _top(snapshot, kind, namespace, labels[name_label])
    if "workload" in labels:
        yield from _by_name(snapshot, labels["workload"], namespace)


def _pod(snapshot: Snapshot, labels: Mapping[str, str], namespace: str) -> Iterator[ObjectRef]:
    for label in _POD_LABELS:
        if label in labels:
            yield from _top(snapshot, "Pod", namespace, labels[label])


_NAMED = {
    "poddisruptionbudget": "PodDisruptionBudget",
    "resourcequota": "ResourceQuota",
    "ingress": "Ingress",
    "networkpolicy": "NetworkPolicy",
    "persistentvolume": "PersistentVolume",
}


def _named(snapshot: Snapshot, labels: Mapping[str, str], namespace: str) -> Iterator[ObjectRef]:
    """Objects that are no workloads and yet the subject, when they exist."""
    for label, kind in _NAMED.items():
        ref = _ref(kind, namespace, labels.get(label, "")) if labels.get(label) else None
        if ref is not None and snapshot.find(ref) is not None:
            yield ref


def _autoscaler(snapshot: Snapshot, labels: Mapping[str, str], namespace: str) -> Iterator[ObjectRef]:
    scaler = snapshot.get(
        "HorizontalPodAutoscaler", namespace, labels.get("horizontalpodautoscaler") or labels.get("hpa", "")
    )
    if scaler is None:
        return
    if any(
        c.get("status") == "False"
        for c in items(scaler, "status.conditions")
        if c.get("type") == "AbleToScale"
    ):
        yield ref_of(scaler)  # it is the autoscaler itself that is in trouble
    kind, name = text(scaler, "spec.scaleTargetRef.kind"), text(scaler, "spec.scaleTargetRef.name")
    yield from _top(snapshot, kind, namespace, name)
    yield ref_of(scaler)


def _claim(snapshot: Snapshot, labels: Mapping[str, str], namespace: str) -> Iterator[ObjectRef]:
    name = labels.get("persistentvolumeclaim", "")
    users = {
        climb(snapshot, ref_of(p))
        for p in snapshot.all("Pod", namespace)
        if any((r.kind, r.name) == ("PersistentVolumeClaim", name) for r in references(p))
    }
    if len(users) == 1:
        yield users.pop()
    if snapshot.get("PersistentVolumeClaim", namespace, name) is not None:
        yield ObjectRef(kind="PersistentVolumeClaim", namespace=namespace, name=name)


def _node(snapshot: Snapshot, labels: Mapping[str, str], _: str) -> Iterator[ObjectRef]:
    wanted = [labels[k] for k in ("node", "nodename", "kubernetes_node") if k in labels]
    if _measures_nodes(labels) or not any(k in labels for k in ("service", "job", "container", "app")):
        wanted.append(labels.get("instance", ""))
    for name in filter(None, wanted):
        host = name.rpartition(":")[0] if name.count(":") == 1 else name
        for node in snapshot.all("Node"):
            addresses = [text(a, "address") for a in items(node, "status.addresses")]
            if host in (text(node, "metadata.name"), *addresses):
                yield ref_of(node)


def _service(snapshot: Snapshot, labels: Mapping[str, str], namespace: str) -> Iterator[ObjectRef]:
    if "service" in labels:
        yield from _behind(snapshot, labels["service"], namespace)


def _container(snapshot: Snapshot, labels: Mapping[str, str], namespace: str) -> Iterator[ObjectRef]:
    for label in ("app", "app_kubernetes_io_name", "label_app"):
        if label in labels:
            yield from _by_name(snapshot, labels[label], namespace)
    name = labels.get("container", "")
    having = [
        ref for ref, m in _workloads(snapshot, namespace) if name and name in container_specs(pod_template(m))
    ]
    if len(having) == 1:
        yield having[0]


def _scrape_job(snapshot: Snapshot, labels: Mapping[str, str], namespace: str) -> Iterator[ObjectRef]:
    """Prometheus calls a scrape job after the service (`web`, or `namespace/web` for a pod monitor) that it
    scrapes.
    """
    name = labels.get("job", "").rpartition("/")[2]
    if name and name not in MEASURERS:
        known = snapshot.get("Service", namespace, name) is not None
        yield from _behind(snapshot, name, namespace) if known else _by_name(snapshot, name, namespace)


def _address(snapshot: Snapshot, labels: Mapping[str, str], namespace: str) -> Iterator[ObjectRef]:
    """What a probe was sent to: the host of an ingress, or a service by its name inside the cluster."""
    for value in _by_weight(labels):
        host = host_of(value)
        if not host:
            continue
        for ingress in snapshot.all("Ingress"):
            home = text(ingress, "metadata.namespace")
            if namespace in ("", home) and host in (text(r, "host") for r in items(ingress, "spec.rules")):
                yield ref_of(ingress)
        name, _, rest = host.partition(".")
        home = rest.partition(".")[0]
        inside = namespace if not rest or home == "svc" else home
        if snapshot.get("Service", inside, name) is not None:
            yield from _behind(snapshot, name, inside)


_HOST = re.compile(r"(?:[a-z][a-z0-9+.-]*://)?([a-z0-9](?:[a-z0-9.-]*[a-z0-9])?)(?::\d+)?(?:/.*)?")
_SAID_LITTLE = (
    "alertname",
    "severity",
    "priority",
    "namespace",
    "cluster",
    "prometheus",
    "job",
    "team",
    "reason",
)
_FIRST = re.compile("destination|upstream|backend|target|server|url|instance|host")


def host_of(value: str) -> str:
    """The host of an address, with or without scheme, port and path; empty for anything else.

    >>> host_of("https://shop.example.com/cart"), host_of("web.shop.svc:8080"), host_of("Not an address")
    ('shop.example.com', 'web.shop.svc', '')
    """
    found = _HOST.fullmatch(value)
    return found[1] if found else ""


def _by_weight(labels: Mapping[str, str]) -> list[str]:
    """The values that may name something, of whom a connection led to before those that it came from."""
    said = [k for k in labels if k not in _SAID_LITTLE]
    return [labels[k] for k in sorted(said, key=lambda k: (not _FIRST.search(k), k))]


def _mentioned(snapshot: Snapshot, labels: Mapping[str, str], namespace: str) -> Iterator[ObjectRef]:
    """Any other label whose value is the name of something here: every company has label names of its own."""
    for value in _by_weight(labels):
        yield from _by_name(snapshot, value, namespace)
        for kind in ("Service", "CronJob", "Ingress", "NetworkPolicy", "PodDisruptionBudget"):
            if snapshot.get(kind, namespace, value) is not None:
                yield ObjectRef(kind=kind, namespace=namespace, name=value)
        pod = snapshot.get("Pod", namespace, value)
        if pod is not None:
            yield climb(snapshot, ref_of(pod))


def _workloads(snapshot: Snapshot, namespace: str) -> Iterator[tuple[ObjectRef, Manifest]]:
    for kind in _SERVED_BY:
        for manifest in snapshot.all(kind, namespace):
            yield ref_of(manifest), manifest


def _by_name(snapshot: Snapshot, name: str, namespace: str) -> Iterator[ObjectRef]:
    """The one workload of this name, whatever its kind."""
    found = [ref for ref, _ in _workloads(snapshot, namespace) if ref.name == name]
    if len(found) == 1:
        yield found[0]


def _behind(snapshot: Snapshot, name: str, namespace: str) -> Iterator[ObjectRef]:
    """The workload that a service leads to, or would if its selector were right; else the service itself."""
    service = snapshot.get("Service", namespace, name)
    if service is not None:
        owners = {
            climb(snapshot, ref_of(p)) for p in selected_by_service(snapshot, service)
        } or _would_select(snapshot, service, namespace)
        same = [o for o in owners if o.name == name]
        if len(owners) == 1 or len(same) == 1:
            yield (same or list(owners))[0]
            return
    if service is None or not owners:
        yield from _by_name(snapshot, name, namespace)
    if ref := _ref("Service", namespace, name):
        yield ref


def _would_select(snapshot: Snapshot, service: Manifest, namespace: str) -> set[ObjectRef]:
    """Workloads without pods whose future pods the service would select."""
    wanted = labels_of(service, "spec.selector")
    return {
        ref
        for ref, m in _workloads(snapshot, namespace)
        if wanted and wanted.items() <= labels_of(pod_template(m)).items()
    }
