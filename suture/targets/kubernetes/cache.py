"""The objects of a cluster as the watch last saw them, by kind, namespace and name.

Events are the only kind that grows without end, so only the last hour of them is kept, and at most 5,000.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta

from suture.domain.snapshot import Manifest, event_time, ref_of
from suture.domain.target import ObjectRef
from suture.targets.kubernetes.kinds import KINDS

EVENT_AGE = timedelta(hours=1)
MOST_EVENTS = 5_000
_PRUNE_EVERY = 500


class Cache:
    """Manifests ready to be shown (sealed); callers must not change them."""

    def __init__(self) -> None:
        self._objects: dict[str, dict[str, dict[str, Manifest]]] = defaultdict(lambda: defaultdict(dict))
        self._events_since_prune = 0

    def put(self, manifest: Manifest) -> Manifest | None:
        """Keep the manifest; returns the one before it."""
        meta = manifest["metadata"]
        names = self._objects[manifest["kind"]][meta.get("namespace", "")]
        previous = names.get(meta["name"])
        names[meta["name"]] = manifest
        if manifest["kind"] == "Event":
            self._limit_events()
        return previous

    def drop(self, ref: ObjectRef) -> Manifest | None:
        """Forget the object; returns what was known of it."""
        namespaces = self._objects[ref.kind]
        names = namespaces.get(ref.namespace)
        previous = names.pop(ref.name, None) if names else None
        if names is not None and not names:
            del namespaces[ref.namespace]
        return previous

    def get(self, ref: ObjectRef) -> Manifest | None:
        return self._objects[ref.kind].get(ref.namespace, {}).get(ref.name)

    def refs(self, kind: str, namespace: str = "") -> list[ObjectRef]:
        """All known objects of a kind, in one namespace or in all."""
        return [ref_of(m) for m in self._of(kind, namespace)]

    def objects(self, namespace: str = "") -> Iterator[Manifest]:
        """One namespace's objects and all cluster-wide ones; everything without a namespace."""
        for kind, namespaces in self._objects.items():
            wanted = namespace if kind in KINDS and KINDS[kind].namespaced else ""
            yield from self._of(kind, wanted)
            if kind == "Event" and namespace and namespace != "default":
                yield from about_cluster_scoped(namespaces.get("default", {}).values())

    def _of(self, kind: str, namespace: str) -> Iterator[Manifest]:
        namespaces = self._objects[kind]
        for names in [namespaces.get(namespace, {})] if namespace else namespaces.values():
            yield from names.values()

    def __len__(self) -> int:
        return sum(len(names) for namespaces in self._objects.values() for names in namespaces.values())

    def _limit_events(self) -> None:
        self._events_since_prune += 1
        if self._events_since_prune < _PRUNE_EVERY:
            return
        self._events_since_prune = 0
        for old in surplus_events(self._of("Event", "")):
            self.drop(ref_of(old))


def about_cluster_scoped(events: Iterable[Manifest]) -> Iterator[Manifest]:
    """Events about nodes and the like, which the cluster keeps in the namespace `default`."""
    return (e for e in events if not (e.get("involvedObject") or {}).get("namespace"))


def is_recent(event: Manifest) -> bool:
    """Whether the event was seen within the last hour."""
    return event_time(event) >= _oldest()


def surplus_events(events: Iterable[Manifest]) -> list[Manifest]:
    """The events that are too old or too many."""
    newest_first = sorted(events, key=event_time, reverse=True)
    oldest = _oldest()
    return [e for i, e in enumerate(newest_first) if i >= MOST_EVENTS or event_time(e) < oldest]


def _oldest() -> str:
    return (datetime.now(UTC) - EVENT_AGE).strftime("%Y-%m-%dT%H:%M:%SZ")
