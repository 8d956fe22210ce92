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
    if tracked:
        return f"Argo CD application {tracked}"
    for prefix, what in FLUX.items():
        if f"{prefix}/name" in having:
            return f"{what} {having.get(f'{prefix}/namespace', '')}/{having[f'{prefix}/name']}"
    return ""
