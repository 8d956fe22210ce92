"""Who owns what: from any object up to the one that people name when they speak of it.

Controllers that the snapshot does not know (custom resources) and nodes (which "own" static pods) are not
climbed to: a target must be something that can be looked at.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from suture.domain.snapshot import Snapshot
from suture.domain.target import ObjectRef

# The alphabet of generated names leaves out vowels and look-alikes (apimachinery/pkg/util/rand).
_SUFFIX = r"[bcdfghjklmnpqrstvwxz2456789]"
_GENERATED = re.compile(rf"(.+)-{_SUFFIX}{{5}}")
_HASHED = re.compile(rf"(.+)-{_SUFFIX}{{1,10}}")
_NUMBERED = re.compile(r"(.+)-\d+")


def top_owner_of(snapshot: Snapshot, ref: ObjectRef) -> ObjectRef:
    """The top owner of an object; of a pod or replica set that is gone, the owner whose naming it bears,
    when exactly one fits; the reference itself otherwise.
    """
    if snapshot.find(ref) is None and ref.kind in ("Pod", "ReplicaSet", "Job"):
        candidates = {climb(snapshot, c) for c in _by_name(snapshot, ref)}
        return candidates.pop() if len(candidates) == 1 else ref
    return climb(snapshot, ref)


def climb(snapshot: Snapshot, ref: ObjectRef) -> ObjectRef:
    """Follow controllers upwards as far as they are known."""
    for _ in range(8):
        manifest = snapshot.find(ref)
        above = snapshot.controller_of(manifest) if manifest else None
        if above is None or above.kind == "Node":
            return ref
        if snapshot.find(above) is None:
            guess = top_owner_of(snapshot, above) if above.kind in ("ReplicaSet", "Job") else above
            return guess if guess != above and snapshot.find(guess) else ref
        ref = above
    return ref


def _by_name(snapshot: Snapshot, ref: ObjectRef) -> Iterator[ObjectRef]:
    def there(kind: str, name: str) -> Iterator[ObjectRef]:
        if snapshot.get(kind, ref.namespace, name) is not None:
            yield ObjectRef(kind=kind, namespace=ref.namespace, name=name)

    if ref.kind == "ReplicaSet" and (hashed := _HASHED.fullmatch(ref.name)):
        yield from there("Deployment", hashed[1])
    if ref.kind in ("Pod", "Job") and (numbered := _NUMBERED.fullmatch(ref.name)):
        yield from there("StatefulSet" if ref.kind == "Pod" else "CronJob", numbered[1])
    if ref.kind == "Pod" and (generated := _GENERATED.fullmatch(ref.name)):
        for kind in ("ReplicaSet", "DaemonSet", "Job", "ReplicationController"):
            yield from there(kind, generated[1])
        if hashed := _HASHED.fullmatch(generated[1]):
            yield from there("Deployment", hashed[1])
        if numbered := _NUMBERED.fullmatch(generated[1]):
            yield from there("CronJob", numbered[1])
