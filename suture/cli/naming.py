"""What people type for an object: `deploy/web`, `Deployment/web`, `configmaps/env`; and near names for a slip."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from suture.cli.problems import Failure, WrongUse
from suture.domain.snapshot import CLUSTER_SCOPED, Snapshot
from suture.domain.target import ObjectRef
from suture.targets.kubernetes.kinds import KINDS

# As `kubectl api-resources` lists them.
SHORT = {
    "cm": "ConfigMap", "cj": "CronJob", "deploy": "Deployment", "ds": "DaemonSet", "ep": "EndpointSlice",
    "ev": "Event", "hpa": "HorizontalPodAutoscaler", "ing": "Ingress", "limits": "LimitRange",
    "netpol": "NetworkPolicy", "no": "Node", "ns": "Namespace", "pc": "PriorityClass",
    "pdb": "PodDisruptionBudget", "po": "Pod", "pv": "PersistentVolume", "pvc": "PersistentVolumeClaim",
    "quota": "ResourceQuota", "rs": "ReplicaSet", "sa": "ServiceAccount", "sc": "StorageClass",
    "sts": "StatefulSet", "svc": "Service",
}  # fmt: skip
_FORM = "write KIND/NAME, for example deployment/web"


def parse(text: str, namespace: str) -> ObjectRef:
    """The object that the text names (kind in any case, plural or short). Raises WrongUse.

    >>> str(parse("deploy/web", "shop")), str(parse("nodes/n1", "shop"))
    ('Deployment/shop/web', 'Node/n1')
    """
    kind, slash, name = text.partition("/")
    if not (slash and kind and name) or "/" in name:
        raise WrongUse(f"{text!r} names no object", _FORM)
    known = kind_named(kind)
    try:
        return ObjectRef(kind=known, namespace="" if known in CLUSTER_SCOPED else namespace, name=name)
    except ValueError as e:
        raise WrongUse(f"{text!r} names no object: a name has no spaces and no slash", _FORM) from e


def kind_named(word: str) -> str:
    """The kind that a word means. Raises WrongUse with near ones."""
    names = (
        {k.name.lower(): k.name for k in KINDS.values()} | {k.plural: k.name for k in KINDS.values()} | SHORT
    )
    lower = word.lower().partition(".")[0]
    if lower in names:
        return names[lower]
    near = near_names(lower, names)
    hint = f"did you mean {', '.join(dict.fromkeys(names[n] for n in near))}?" if near else _FORM
    raise WrongUse(f"the kind {word!r} is not known", hint)


def near_names(name: str, names: Iterable[str]) -> list[str]:
    """The most similar names, best first."""
    listed = sorted(set(names))
    contained = [n for n in listed if len(name) > 2 and (name in n or n in name)]
    return list(dict.fromkeys([*get_close_matches(name, listed, n=5, cutoff=0.6), *contained]))[:5]


def unknown(snapshot: Snapshot, ref: ObjectRef) -> Failure:
    """The error for an object that is not there and that nothing speaks of, with what might have been meant."""
    namespaces = [m["metadata"]["name"] for m in snapshot.all("Namespace")]
    if ref.namespace and namespaces and ref.namespace not in namespaces:
        near = near_names(ref.namespace, namespaces)
        hint = (
            f"did you mean -n {' or -n '.join(near)}?"
            if near
            else f"there are: {', '.join(sorted(namespaces)[:10])}"
        )
        return Failure(f"there is no namespace {ref.namespace}", hint)
    same_kind = [m["metadata"]["name"] for m in snapshot.all(ref.kind, ref.namespace)]
    found = [f"{ref.kind.lower()}/{n}" for n in near_names(ref.name, same_kind)]
    others = [k for k in KINDS if k not in ("Event", ref.kind) and snapshot.get(k, ref.namespace, ref.name)]
    found = [*(f"{k.lower()}/{ref.name}" for k in others), *found]
    hint = f"did you mean {', '.join(found[:5])}?" if found else _others(ref, same_kind)
    return Failure(f"{ref} does not exist, and nothing refers to it", hint)


def _others(ref: ObjectRef, names: list[str]) -> str:
    where = f" in {ref.namespace}" if ref.namespace else ""
    if not names:
        return f"there is no {ref.kind}{where}" + ("; name the namespace with -n" if where else "")
    more = f" and {len(names) - 8} more" if len(names) > 8 else ""
    return f"there are: {', '.join(sorted(names)[:8])}{more}"
