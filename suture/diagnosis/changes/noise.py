"""What of a recorded state is nobody's deed: what controllers, the server and the engine itself write.

Left in are only the parts that can break something; of annotations those that configure a proxy or a load
balancer, of labels those that selectors, policies and admission read.
"""

from __future__ import annotations

import re
from typing import Any, Final

from suture.diagnosis.fields import mapping
from suture.diagnosis.workload import RESTARTED_AT
from suture.domain.snapshot import Manifest, dig

_CONTROLLERS: Final = re.compile(
    r"kube-controller-manager|kube-scheduler|kubelet|kwok.*|cloud-controller-manager|cluster-autoscaler"
    r"|node-problem-detector|horizontal-pod-autoscaler|.*provisioner.*|cainjector|kube-apiserver|karpenter"
)
_OWN: Final = re.compile(r"suture(-.*)?")
_ANNOTATED: Final = ("Ingress", "Service")
_ASSIGNED: Final = {
    "Service": ("clusterIP", "clusterIPs", "healthCheckNodePort", "ipFamilies", "ipFamilyPolicy"),
    "PersistentVolumeClaim": ("volumeName",),
    "PersistentVolume": ("claimRef",),
    "Namespace": ("finalizers",),
    "Node": ("providerID", "podCIDR", "podCIDRs"),
}
_OWN_TAINTS: Final = "node.kubernetes.io/"
_UNREAD_NOTES: Final = re.compile(
    r"(kubectl\.kubernetes\.io|meta\.helm\.sh|deployment\.kubernetes\.io|argocd\.argoproj\.io|app\.kubernetes\.io"
    r"|prometheus\.io|.*fluxcd\.io|field\.cattle\.io|backstage\.io|.*grafana\.(com|net))/.*"
    r"|kubernetes\.io/change-cause"
    r"|[^/]+"  # whoever reads a note by itself puts its own domain before the name
)


def is_controller(manager: str) -> bool:
    """Whether the writer is part of the cluster itself."""
    return bool(_CONTROLLERS.fullmatch(manager))


def is_own(manager: str) -> bool:
    """Whether the engine itself wrote it."""
    return bool(_OWN.fullmatch(manager))


def relevant(content: Manifest) -> Manifest:
    """The parts of a recorded state whose change can be a cause. Shares values with the content."""
    kind = str(content.get("kind", ""))
    kept: Manifest = {
        k: v for k, v in content.items() if k not in ("apiVersion", "kind", "metadata", "status")
    }
    dropped = _ASSIGNED.get(kind, ())
    if dropped and isinstance(kept.get("spec"), dict):
        kept["spec"] = {k: v for k, v in kept["spec"].items() if k not in dropped or v in ("None", ["None"])}
    if kind == "Node" and isinstance(dig(kept, "spec.taints"), list):
        taints = [t for t in kept["spec"]["taints"] if not str(t.get("key", "")).startswith(_OWN_TAINTS)]
        kept["spec"] = {**kept["spec"], "taints": taints} if taints else _without(kept["spec"], "taints")
    if kind == "ServiceAccount":
        kept.pop("secrets", None)
    if isinstance(kept.get("spec"), dict):  # an empty one stays, so that its fields are told apart
        kept["spec"] = _without_restarts(kept["spec"])
    return kept | {"metadata": _metadata(content, kind)}  # its maps stay, too


def _without(value: dict[str, Any], *keys: str) -> dict[str, Any]:
    return {k: v for k, v in value.items() if k not in keys}


def _metadata(content: Manifest, kind: str) -> Manifest:
    meta: Manifest = {"labels": mapping(content, "metadata.labels")}
    if kind in _ANNOTATED:
        notes = mapping(content, "metadata.annotations")
        meta["annotations"] = {k: v for k, v in notes.items() if not _UNREAD_NOTES.fullmatch(k)}
    return meta


def _without_restarts(spec: Any) -> Any:
    """A spec whose pod template does not tell when it was restarted."""
    if not isinstance(spec, dict) or not isinstance(spec.get("template"), dict):
        return spec
    notes = mapping(spec, "template.metadata.annotations")
    if RESTARTED_AT not in notes:
        return spec
    meta = _without(spec["template"]["metadata"], "annotations")
    if kept := _without(notes, RESTARTED_AT):
        meta["annotations"] = kept
    return {**spec, "template": {**spec["template"], "metadata": meta}}
