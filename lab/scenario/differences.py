"""What differs between two readings of the cluster, apart from what controllers and the API server write."""

from __future__ import annotations

import copy
import fnmatch
from collections.abc import Iterable, Mapping
from typing import Any

from lab.objects import Obj, dig

_SERVER_META = (
    "managedFields",
    "resourceVersion",
    "generation",
    "uid",
    "creationTimestamp",
    "selfLink",
    "ownerReferences",
)
_SERVER_NOTES = {
    "deployment.kubernetes.io/revision",
    "kubectl.kubernetes.io/last-applied-configuration",
    "pv.kubernetes.io/bind-completed",
    "pv.kubernetes.io/bound-by-controller",
    "volume.kubernetes.io/storage-provisioner",
    "volume.beta.kubernetes.io/storage-provisioner",
    "node.alpha.kubernetes.io/ttl",
    "volumes.kubernetes.io/controller-managed-attach-detach",
}
RESTARTED = "kubectl.kubernetes.io/restartedAt"
_METAS = ("metadata", "spec.template.metadata", "spec.jobTemplate.spec.template.metadata")


def essence(obj: Obj, strict: bool = False) -> Obj:
    """An object without what machines write into it. `strict` keeps the mark of a restart."""
    out = copy.deepcopy(obj)
    for key in ("status", "apiVersion"):
        out.pop(key, None)
    for key in _SERVER_META:
        out["metadata"].pop(key, None)
    ignored = _SERVER_NOTES if strict else _SERVER_NOTES | {RESTARTED}
    for path in _METAS:
        _tidy(dig(out, path), ignored)
    _without_allocations(out)
    return out


def _tidy(meta: Obj | None, ignored: set[str]) -> None:
    if meta is None:
        return
    meta.pop("creationTimestamp", None)
    notes = {k: v for k, v in (meta.pop("annotations", None) or {}).items() if k not in ignored}
    if notes:
        meta["annotations"] = notes


def _without_allocations(obj: Obj) -> None:
    """Drop what the cluster hands out anew when an object is recreated, or sets by itself."""
    spec = obj.get("spec", {})
    match obj["kind"]:
        case "Service" if spec.get("clusterIP") != "None":
            spec.pop("clusterIP", None)
            spec.pop("clusterIPs", None)
        case "PersistentVolumeClaim":
            spec.pop("volumeName", None)
        case "Node":
            spec["taints"] = [
                t for t in spec.get("taints") or [] if not t["key"].startswith("node.kubernetes.io/")
            ]
        case "ValidatingWebhookConfiguration" | "MutatingWebhookConfiguration":
            for hook in obj.get("webhooks") or []:
                hook.get("clientConfig", {}).pop("caBundle", None)


def flat(value: Any, at: str = "") -> dict[str, Any]:
    """A tree as path -> leaf; the items of a list are named when they all have different names."""
    if isinstance(value, dict):
        branches: Iterable[tuple[Any, Any]] = value.items()
    elif isinstance(value, list):
        names = [item.get("name") if isinstance(item, dict) else None for item in value]
        named = all(names) and len(set(names)) == len(names)
        branches = zip(names if named else range(len(value)), value, strict=True)
    else:
        return {} if value is None else {at: value}
    return {
        path: leaf
        for key, sub in branches
        for path, leaf in flat(sub, f"{at}.{key}" if at else str(key)).items()
    }


def differences(old: Mapping[str, Obj], new: Mapping[str, Obj], strict: bool = False) -> list[str]:
    """`ref created`, `ref deleted` and `ref:path: old -> new` for everything that is not the same."""
    out: list[str] = []
    for ref in sorted(old.keys() | new.keys()):
        if ref not in old or ref not in new:
            out.append(f"{ref} {'deleted' if ref in old else 'created'}")
            continue
        before, after = flat(essence(old[ref], strict)), flat(essence(new[ref], strict))
        out += [
            f"{ref}:{path}: {_short(before.get(path))} -> {_short(after.get(path))}"
            for path in sorted(before.keys() | after.keys())
            if before.get(path) != after.get(path)
        ]
    return out


def _short(value: Any) -> str:
    return str(value)[:40]


def not_allowed(found: Iterable[str], allowed: Iterable[str]) -> list[str]:
    """The differences that no glob covers; a glob may end at the path or go on into the values."""
    globs = [glob for pattern in allowed for glob in (pattern, f"{pattern}:*")]
    return [text for text in found if not any(fnmatch.fnmatchcase(text, glob) for glob in globs)]
