"""What a changed field is about, and how well a change of that explains a kind of failure.

The numbers are judgements, not measurements: 1 means "this is what such a failure usually comes from", 0.3 "it has been
seen", and what is not in the table is a coincidence. They order what evidence leaves open.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from suture.diagnosis.changes.delta import Delta, Item
from suture.domain.diagnosis import FailureType


class Aspect(StrEnum):
    """What a field is about."""

    IMAGE = "image"
    COMMAND = "command"
    ENV = "environment"
    RESOURCES = "resources"
    PROBE = "probe"
    SECURITY = "security context"
    VOLUMES = "volumes"
    PLACEMENT = "placement"
    PORTS = "container ports"
    DNS = "name resolution"
    ACCOUNT = "service account"
    PULL_SECRETS = "pull secrets"
    POD_LABELS = "pod labels"
    PRIORITY = "priority"
    CONTAINERS = "containers"
    FEWER = "fewer replicas"
    NONE_LEFT = "no replicas"
    MORE = "more replicas"
    ROLLOUT = "rollout settings"
    DATA = "configuration data"
    SERVICE = "service"
    INGRESS = "ingress"
    POLICY = "network policy"
    RIGHTS = "rights"
    QUOTA = "quota"
    LIMITS = "limit range"
    WEBHOOK = "admission webhook"
    ADMISSION = "admission labels"
    NODE = "node"
    NODE_LABELS = "node labels"
    BUDGET = "disruption budget"
    AUTOSCALER = "autoscaler"
    STORAGE = "storage"
    SCHEDULE = "schedule"
    SUSPEND = "suspension"
    OTHER = "something else"


_BY_KIND: Final = {
    "ConfigMap": Aspect.DATA, "Secret": Aspect.DATA, "Service": Aspect.SERVICE, "Ingress": Aspect.INGRESS,
    "IngressClass": Aspect.INGRESS, "NetworkPolicy": Aspect.POLICY, "Role": Aspect.RIGHTS, "RoleBinding": Aspect.RIGHTS,
    "ClusterRole": Aspect.RIGHTS, "ClusterRoleBinding": Aspect.RIGHTS, "ResourceQuota": Aspect.QUOTA,
    "LimitRange": Aspect.LIMITS, "ValidatingWebhookConfiguration": Aspect.WEBHOOK,
    "MutatingWebhookConfiguration": Aspect.WEBHOOK, "PodDisruptionBudget": Aspect.BUDGET,
    "HorizontalPodAutoscaler": Aspect.AUTOSCALER, "PersistentVolumeClaim": Aspect.STORAGE,
    "PersistentVolume": Aspect.STORAGE, "StorageClass": Aspect.STORAGE, "ServiceAccount": Aspect.ACCOUNT,
    "PriorityClass": Aspect.PRIORITY, "Namespace": Aspect.ADMISSION,
}  # fmt: skip
_POD_SPEC: Final = {
    "nodeSelector": Aspect.PLACEMENT, "nodeName": Aspect.PLACEMENT, "affinity": Aspect.PLACEMENT,
    "tolerations": Aspect.PLACEMENT, "topologySpreadConstraints": Aspect.PLACEMENT, "schedulerName": Aspect.PLACEMENT,
    "schedulingGates": Aspect.PLACEMENT, "priorityClassName": Aspect.PRIORITY, "priority": Aspect.PRIORITY,
    "preemptionPolicy": Aspect.PRIORITY, "runtimeClassName": Aspect.PLACEMENT, "volumes": Aspect.VOLUMES,
    "dnsPolicy": Aspect.DNS, "dnsConfig": Aspect.DNS, "hostAliases": Aspect.DNS, "hostNetwork": Aspect.DNS,
    "hostname": Aspect.DNS, "subdomain": Aspect.DNS, "serviceAccountName": Aspect.ACCOUNT, "serviceAccount": Aspect.ACCOUNT,
    "automountServiceAccountToken": Aspect.ACCOUNT, "imagePullSecrets": Aspect.PULL_SECRETS,
    "securityContext": Aspect.SECURITY, "hostPID": Aspect.SECURITY, "hostIPC": Aspect.SECURITY,
    "resources": Aspect.RESOURCES, "restartPolicy": Aspect.COMMAND, "activeDeadlineSeconds": Aspect.COMMAND,
    "terminationGracePeriodSeconds": Aspect.ROLLOUT,
}  # fmt: skip
_CONTAINER: Final = {
    "image": Aspect.IMAGE, "imagePullPolicy": Aspect.IMAGE, "command": Aspect.COMMAND, "args": Aspect.COMMAND,
    "workingDir": Aspect.COMMAND, "lifecycle": Aspect.COMMAND, "env": Aspect.ENV, "envFrom": Aspect.ENV,
    "resources": Aspect.RESOURCES, "livenessProbe": Aspect.PROBE, "readinessProbe": Aspect.PROBE,
    "startupProbe": Aspect.PROBE, "securityContext": Aspect.SECURITY, "volumeMounts": Aspect.VOLUMES,
    "volumeDevices": Aspect.VOLUMES, "ports": Aspect.PORTS,
}  # fmt: skip


def aspect(kind: str, delta: Delta) -> Aspect:
    """What a changed field of this kind of object is about.

    >>> aspect("Deployment", Delta(("spec", "template", "spec", "dnsPolicy"), "ClusterFirst", "None")).value
    'name resolution'
    """
    path = delta.path
    if kind == "Node":
        return Aspect.NODE if path[0] == "spec" else Aspect.NODE_LABELS
    if kind in _BY_KIND:
        cosmetic = path[0] == "metadata" and kind not in ("Namespace", "Ingress", "Service")
        labels = path[:2] == ("metadata", "labels") and kind != "Namespace"
        return Aspect.OTHER if cosmetic or labels else _BY_KIND[kind]
    if "template" in path:
        return _of_template(path[path.index("template") + 1 :])
    return _of_workload(path, delta)


def _of_template(path: tuple[str | Item, ...]) -> Aspect:
    if path[:2] == ("metadata", "labels"):
        return Aspect.POD_LABELS
    if len(path) < 2 or path[0] != "spec":
        return Aspect.OTHER
    if path[1] in ("containers", "initContainers"):
        return _CONTAINER.get(str(path[3]), Aspect.OTHER) if len(path) > 3 else Aspect.CONTAINERS
    return _POD_SPEC.get(str(path[1]), Aspect.OTHER)


def _of_workload(path: tuple[str | Item, ...], delta: Delta) -> Aspect:
    if path == ("spec", "replicas"):
        before, after = (1 if not isinstance(v, int) else v for v in (delta.before, delta.after))
        return Aspect.MORE if after >= before else Aspect.FEWER if after else Aspect.NONE_LEFT
    if path == ("spec", "suspend"):
        return Aspect.SUSPEND
    if len(path) > 1 and path[1] in ("schedule", "timeZone", "concurrencyPolicy", "startingDeadlineSeconds"):
        return Aspect.SCHEDULE
    if path[:2] == ("spec", "selector"):
        return Aspect.POD_LABELS
    return Aspect.ROLLOUT if path[0] == "spec" else Aspect.OTHER


A, F = Aspect, FailureType
_RUNS: Final = {  # what a process needs to come up and stay
    A.COMMAND: 0.95, A.ENV: 0.95, A.DATA: 0.92, A.IMAGE: 0.92, A.VOLUMES: 0.85, A.RIGHTS: 0.85, A.ACCOUNT: 0.85,
    A.SECURITY: 0.85, A.PROBE: 0.9, A.RESOURCES: 0.75, A.CONTAINERS: 0.85, A.SERVICE: 0.8, A.POLICY: 0.8, A.DNS: 0.8,
    A.STORAGE: 0.5, A.PORTS: 0.6, A.NONE_LEFT: 0.6, A.FEWER: 0.35, A.POD_LABELS: 0.4, A.LIMITS: 0.5,
}  # fmt: skip
PLAUSIBLE: Final[dict[FailureType, dict[Aspect, float]]] = {
    F.IMAGE_PULL: {A.IMAGE: 1, A.PULL_SECRETS: 0.9, A.CONTAINERS: 0.9, A.DATA: 0.6, A.ACCOUNT: 0.6, A.POLICY: 0.2},
    F.CRASH_LOOP: _RUNS,
    F.OOM_KILLED: {**_RUNS, A.RESOURCES: 1, A.LIMITS: 0.9, A.SERVICE: 0.3, A.POLICY: 0.3, A.RIGHTS: 0.2, A.ENV: 0.8,
                   A.PROBE: 0.2, A.DNS: 0.2},
    F.NOT_READY: {**_RUNS, A.PROBE: 0.97, A.PORTS: 0.85, A.SERVICE: 0.85, A.POLICY: 0.85, A.NONE_LEFT: 0.8, A.FEWER: 0.4},
    F.ROLLOUT_FAILED: {**_RUNS, A.PROBE: 0.95, A.PLACEMENT: 0.85, A.QUOTA: 0.8, A.LIMITS: 0.7, A.ROLLOUT: 0.7,
                       A.WEBHOOK: 0.8, A.NODE: 0.6, A.ADMISSION: 0.7},
    F.UNSCHEDULABLE: {A.PLACEMENT: 0.97, A.RESOURCES: 0.95, A.PORTS: 0.95, A.NODE: 0.95, A.NODE_LABELS: 0.9, A.VOLUMES: 0.85,
                      A.STORAGE: 0.85, A.PRIORITY: 0.8, A.DNS: 0.4, A.LIMITS: 0.8, A.CONTAINERS: 0.6, A.MORE: 0.45},
    F.FAILED_CREATE: {A.QUOTA: 0.97, A.LIMITS: 0.97, A.WEBHOOK: 0.97, A.ADMISSION: 0.97, A.ACCOUNT: 0.95, A.PRIORITY: 0.95,
                      A.SECURITY: 0.9, A.RESOURCES: 0.85, A.DNS: 0.6, A.VOLUMES: 0.6, A.PORTS: 0.6, A.CONTAINERS: 0.7,
                      A.SERVICE: 0.8, A.RIGHTS: 0.4, A.MORE: 0.45, A.POLICY: 0.5},
    F.MISSING_REFERENCE: {A.DATA: 0.97, A.VOLUMES: 0.97, A.ENV: 0.97, A.ACCOUNT: 0.97, A.STORAGE: 0.8, A.CONTAINERS: 0.85,
                          A.PULL_SECRETS: 0.6},
    F.MISSING_OBJECT: {},
    F.SCALED_TO_ZERO: {A.NONE_LEFT: 1, A.AUTOSCALER: 0.6},
    F.NODE_NOT_READY: {A.NODE: 0.3},
    F.JOB_FAILED: {**_RUNS, A.SCHEDULE: 0.2},
    F.TRAFFIC: {A.SERVICE: 0.97, A.INGRESS: 0.95, A.POLICY: 0.95, A.DNS: 0.95, A.PORTS: 0.95, A.POD_LABELS: 0.95,
                A.NONE_LEFT: 0.85, A.FEWER: 0.45, A.ENV: 0.85, A.DATA: 0.85, A.COMMAND: 0.8, A.VOLUMES: 0.7, A.ACCOUNT: 0.6,
                A.RIGHTS: 0.7, A.RESOURCES: 0.5, A.CONTAINERS: 0.5, A.PROBE: 0.55, A.SECURITY: 0.4, A.IMAGE: 0.45},
    F.AUTOSCALER: {A.AUTOSCALER: 1, A.RESOURCES: 0.7, A.NONE_LEFT: 0.3},
    F.DISRUPTION_BUDGET: {A.BUDGET: 1, A.FEWER: 0.7, A.NONE_LEFT: 0.7, A.POD_LABELS: 0.4},
    F.QUOTA: {A.QUOTA: 1, A.LIMITS: 0.6, A.RESOURCES: 0.7, A.MORE: 0.4},
    F.SUSPENDED: {A.SUSPEND: 1, A.SCHEDULE: 0.95},
}  # fmt: skip


def plausibility(failure: FailureType, about: Aspect) -> float:
    """How well a change of this aspect explains this kind of failure, 0 to 1."""
    return PLAUSIBLE.get(failure, _RUNS).get(about, 0.05)
