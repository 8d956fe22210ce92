"""What of a manifest is history: its wish (spec, data, labels), not its status nor what controllers count."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from typing import Any

from suture.domain.redaction import HIDDEN
from suture.domain.snapshot import Manifest
from suture.memory.redacting import Replace, clean
from suture.sealing import HASHED, Sealer, is_sealed

RECORDED = frozenset((
    "Deployment", "StatefulSet", "DaemonSet", "CronJob", "Job", "Service", "ConfigMap", "Secret",
    "PersistentVolumeClaim", "PersistentVolume", "ServiceAccount", "Role", "RoleBinding",
    "ClusterRole", "ClusterRoleBinding", "HorizontalPodAutoscaler", "PodDisruptionBudget",
    "NetworkPolicy", "Ingress", "IngressClass", "StorageClass", "ResourceQuota", "LimitRange",
    "PriorityClass", "ValidatingWebhookConfiguration", "MutatingWebhookConfiguration", "Node",
    "Namespace",
))  # fmt: skip
_KEPT_METADATA = ("name", "namespace", "labels", "annotations", "ownerReferences", "finalizers")
# Annotations that controllers rewrite, or that repeat the object (and for a Secret its values).
_COUNTED = re.compile(
    r"deployment\.kubernetes\.io/revision|kubectl\.kubernetes\.io/last-applied-configuration"
    r"|control-plane\.alpha\.kubernetes\.io/leader|autoscaling\.alpha\.kubernetes\.io/.*"
)


def is_recorded(manifest: Manifest, kinds: frozenset[str]) -> bool:
    """Whether an object is worth remembering: of a chosen kind, and not made anew by the cluster itself."""
    meta = manifest["metadata"]
    if manifest["kind"] == "Job" and any(o.get("controller") for o in meta.get("ownerReferences") or ()):
        return False
    return manifest["kind"] in kinds and meta["name"] != "kube-root-ca.crt"


def wish(manifest: Manifest) -> Manifest:
    """The part of a manifest that somebody wished, which a restore needs. Shares values with the manifest."""
    meta = manifest["metadata"]
    if manifest["kind"] == "Node":
        kept = {k: meta[k] for k in ("name", "labels") if k in meta}
        spec = {
            k: v
            for k, v in (manifest.get("spec") or {}).items()
            if k in ("taints", "unschedulable", "providerID")
        }
        return {
            "apiVersion": manifest.get("apiVersion", "v1"),
            "kind": "Node",
            "metadata": kept,
            "spec": spec,
        }
    kept = {k: meta[k] for k in _KEPT_METADATA if meta.get(k)}
    if "annotations" in kept:
        kept["annotations"] = {k: v for k, v in kept["annotations"].items() if not _COUNTED.fullmatch(k)}
    return {k: v for k, v in manifest.items() if k not in ("metadata", "status")} | {"metadata": kept}


def manager_of(manifest: Manifest) -> str:
    """Who wrote the object last, its status aside."""
    named: list[str] = [
        str(m[0]) for m in manifest["metadata"].get("managers") or () if len(m) < 4 or m[3] != "status"
    ]
    return named[-1] if named else ""


def fingerprint(content: Manifest, key: bytes) -> str:
    """A keyed hash of a wish: equal for equal contents, and no oracle for guesses of hidden values."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.blake2b(text.encode("utf-8", "replace"), key=key, digest_size=16).hexdigest()


def protect(content: Manifest, sealer: Sealer | None) -> tuple[Manifest, bool]:
    """The content as it may be stored, and whether it can still be restored from that.

    What looks like a secret is sealed when there is a key, else hidden; hidden or hashed ones are lost."""

    def replace(before: str, after: str) -> str:
        return sealer.seal(before) if sealer else after

    if content["kind"] == "Secret":
        content = content | {
            k: _seal_all(content[k], replace) for k in ("data", "stringData") if content.get(k)
        }
    safe = clean(content, replace=replace)
    return safe, not any(text.startswith(HASHED) or HIDDEN in text for text in _texts(safe))


def _seal_all(values: dict[str, Any], replace: Replace) -> dict[str, Any]:
    return {
        k: v if isinstance(v, str) and is_sealed(v) else replace(str(v), HIDDEN) for k, v in values.items()
    }


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for v in value.values():
            yield from _texts(v)
    elif isinstance(value, list):
        for v in value:
            yield from _texts(v)
