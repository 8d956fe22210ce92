"""Who really owns an object's spec: Argo CD and Flux write their name on what they keep in step with Git.

A change to such an object would be taken back, or hide a difference from Git: it is proposed to people instead.
"""

from __future__ import annotations

from typing import Final

from suture.diagnosis.fields import annotation, items, labels, text
from suture.domain.snapshot import Manifest

ARGO_TRACKING: Final = "argocd.argoproj.io/tracking-id"  # APPLICATION:GROUP/KIND:NAMESPACE/NAME
ARGO_INSTANCE: Final = "argocd.argoproj.io/instance"
COMMON_INSTANCE: Final = (
    "app.kubernetes.io/instance"  # Argo CD's default label; Helm's too, so it needs the manager
)
FLUX: Final = {
    "kustomize.toolkit.fluxcd.io": "Flux kustomization",
    "helm.toolkit.fluxcd.io": "Flux Helm release",
}
ARGO_MARK: Final = (
    "argocd.argoproj.io/"  # sync waves, hooks and the like: whoever writes them keeps it in Git
)
ARGO_OTHER: Final = (f"{ARGO_MARK}secret-type", f"{ARGO_MARK}managed-by")  # these do not say so
ARGO_MANAGERS: Final = ("argocd-controller", "argocd-application-controller")


def managed_by(manifest: Manifest | None) -> str:
    """The GitOps owner in words; empty when there is none.

    >>> managed_by({"metadata": {"annotations": {"argocd.argoproj.io/tracking-id": "shop:apps/Deployment:a/b"}}})
    'Argo CD application shop'
    """
    if manifest is None:
        return ""
    having = labels(manifest)
    tracked = annotation(manifest, ARGO_TRACKING).partition(":")[0] or having.get(ARGO_INSTANCE, "")
    if not tracked and any(
        text(f, "manager") in ARGO_MANAGERS for f in items(manifest, "metadata.managedFields")
    ):
        tracked = having.get(COMMON_INSTANCE, "") or "that applied it"
    marks = {*having, *labels(manifest, "metadata.annotations")} - {*ARGO_OTHER}
    if not tracked and any(mark.startswith(ARGO_MARK) for mark in marks):
        tracked = having.get(COMMON_INSTANCE, "") or "that is marked on it"
    if tracked:
        return f"Argo CD application {tracked}"
    for prefix, what in FLUX.items():
        switched_off = annotation(manifest, f"{prefix}/reconcile") == "disabled"
        if f"{prefix}/name" in having and not switched_off:
            return f"{what} {having.get(f'{prefix}/namespace', '')}/{having[f'{prefix}/name']}"
    return ""
