"""The kinds that the engine knows: where they are served, which are watched, and whose history is kept.

A table instead of API discovery: a cluster that does not serve one of them is found out by a 404 on listing
it, and no start-up waits for hundreds of groups.
"""

from __future__ import annotations

from dataclasses import dataclass

from suture.domain.errors import Invalid
from suture.domain.snapshot import CLUSTER_SCOPED
from suture.domain.target import ObjectRef


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind. `group` is empty for the core group."""

    name: str
    group: str
    version: str
    plural: str
    namespaced: bool
    watched: bool = True
    in_ledger: bool = False
    fields: str = ""  # field selector for lists and watches

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def resource(self) -> str:
        """As RBAC rules name it: `deployments.apps`, `pods`."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    def path(self, namespace: str = "", name: str = "", subresource: str = "") -> str:
        """The URL path of the collection (of all namespaces without one), an object, or its subresource."""
        parts = [f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"]
        if self.namespaced and namespace:
            parts.append(f"namespaces/{namespace}")
        return "/".join([*parts, self.plural, *filter(None, (name, subresource))])


# group/version: kind:plural with * = in the ledger, - = not watched (read when it is needed)
_TABLE = """
v1: Pod:pods Service:services* ConfigMap:configmaps* Secret:secrets* ServiceAccount:serviceaccounts*
    PersistentVolumeClaim:persistentvolumeclaims* PersistentVolume:persistentvolumes*
    ResourceQuota:resourcequotas* LimitRange:limitranges* Node:nodes* Namespace:namespaces* Event:events
apps/v1: Deployment:deployments* StatefulSet:statefulsets* DaemonSet:daemonsets* ReplicaSet:replicasets
    ControllerRevision:controllerrevisions
batch/v1: Job:jobs CronJob:cronjobs*
autoscaling/v2: HorizontalPodAutoscaler:horizontalpodautoscalers*
policy/v1: PodDisruptionBudget:poddisruptionbudgets*
discovery.k8s.io/v1: EndpointSlice:endpointslices
networking.k8s.io/v1: NetworkPolicy:networkpolicies* Ingress:ingresses* IngressClass:ingressclasses*
rbac.authorization.k8s.io/v1: Role:roles* RoleBinding:rolebindings* ClusterRole:clusterroles*
    ClusterRoleBinding:clusterrolebindings*
storage.k8s.io/v1: StorageClass:storageclasses*
scheduling.k8s.io/v1: PriorityClass:priorityclasses*
admissionregistration.k8s.io/v1: ValidatingWebhookConfiguration:validatingwebhookconfigurations*
    MutatingWebhookConfiguration:mutatingwebhookconfigurations*
"""


def _read(table: str) -> dict[str, Kind]:
    kinds: dict[str, Kind] = {}
    group = version = ""
    for word in table.split():
        if word.endswith(":"):
            group, _, version = word[:-1].rpartition("/")
            continue
        name, _, rest = word.partition(":")
        kinds[name] = Kind(
            name,
            group,
            version,
            rest.rstrip("*-"),
            namespaced=name not in CLUSTER_SCOPED,
            watched="-" not in rest,
            in_ledger="*" in rest,
            # Helm keeps whole releases in Secrets: megabytes each, and nothing that pods read.
            fields="type!=helm.sh/release.v1" if name == "Secret" else "",
        )
    return kinds


KINDS: dict[str, Kind] = _read(_TABLE)
WATCHED: tuple[Kind, ...] = tuple(k for k in KINDS.values() if k.watched)
LEDGER_KINDS: frozenset[str] = frozenset(k.name for k in KINDS.values() if k.in_ledger)


def kind_of(name: str) -> Kind:
    """The kind of this name; raises Invalid with the known ones."""
    if found := KINDS.get(name):
        return found
    raise Invalid(f"kind {name!r} is not known: use one of {', '.join(sorted(KINDS))}")


def in_ledger(ref: ObjectRef) -> bool:
    """Whether the ledger keeps the history of this object: not of what the cluster itself makes."""
    return ref.kind in LEDGER_KINDS and not (ref.kind == "ConfigMap" and ref.name == "kube-root-ca.crt")
