"""A local copy of the cluster, fed by watches.

Listing ten kinds twice a second would keep the API server busy for nothing. A store holds the newest known
version of each object; `Reflector` keeps it current, and writers hand their results in at once so that they
read their own writes. Objects in a store are never changed in place, so readers need no lock.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import defaultdict
from collections.abc import Iterable

from lab.kube import ApiError, Kube
from lab.objects import KINDS, Obj

log = logging.getLogger(__name__)
_Key = tuple[str, str, str]


def _revision(obj: Obj) -> int:
    text = obj["metadata"].get("resourceVersion", "")
    return int(text) if text.isdigit() else 0


class Store:
    """kind -> namespace -> name -> object, with a change counter for each namespace ("" = cluster-wide)."""

    def __init__(self, objects: Iterable[Obj] = ()) -> None:
        self._objects: dict[str, dict[str, dict[str, Obj]]] = defaultdict(lambda: defaultdict(dict))
        self._graves: dict[_Key, int] = {}
        self._changes: dict[str, int] = defaultdict(int)
        self._kind_changes: dict[str, int] = defaultdict(int)
        self._total = 0
        self._changed = threading.Condition()
        for obj in objects:
            self.put(obj)

    # ------------------------------------------------------------------ reading

    def get(self, kind: str, namespace: str, name: str) -> Obj | None:
        """One object, or None."""
        inside = namespace if KINDS[kind].namespaced else ""
        return self._objects[kind][inside].get(name)

    def all(self, kind: str, namespace: str | None = None) -> list[Obj]:
        """All objects of a kind, in one namespace or everywhere."""
        spaces = self._objects[kind]
        if namespace is not None:
            return list(spaces[namespace].values())
        return [obj for space in list(spaces.values()) for obj in list(space.values())]

    def changes(self, namespace: str) -> int:
        """How often something in this namespace has changed."""
        return self._changes[namespace]

    def kind_changes(self, *kinds: str) -> int:
        """How often an object of these kinds has changed."""
        return sum(self._kind_changes[kind] for kind in kinds)

    @property
    def total(self) -> int:
        """How often anything has changed."""
        return self._total

    def wait(self, seen: int, timeout: float) -> None:
        """Sleep until something has changed since `total` was `seen`, or until the timeout."""
        with self._changed:
            self._changed.wait_for(lambda: self._total != seen, timeout)

    # ------------------------------------------------------------------ writing

    def put(self, obj: Obj) -> None:
        """Take in an object unless what is known is as new."""
        key, revision = _key(obj), _revision(obj)
        with self._changed:
            space = self._objects[key[0]][key[1]]
            known = space.get(key[2])
            if revision and revision <= max(self._graves.get(key, 0), _revision(known) if known else 0):
                return
            obj["metadata"].pop("managedFields", None)
            space[key[2]] = obj
            self._touch(key)

    def remove(self, obj: Obj) -> None:
        """Forget an object, and remember its last version: an older one must not bring it back."""
        key, revision = _key(obj), _revision(obj)
        with self._changed:
            known = self._objects[key[0]][key[1]].get(key[2])
            self._graves[key] = max(revision, self._graves.get(key, 0))
            if known is not None and (not revision or _revision(known) <= revision):
                del self._objects[key[0]][key[1]][key[2]]
                self._touch(key)
            if len(self._graves) > 20_000:
                self._graves = dict(list(self._graves.items())[10_000:])

    def drop(self, kind: str, namespace: str, name: str) -> None:
        """Forget an object by name, because it has just been deleted."""
        known = self.get(kind, namespace, name)
        if known is not None:
            self.remove(known)

    def replace(self, kind: str, objects: list[Obj], revision: int) -> None:
        """Take in a complete list: what is missing from it is gone, unless it is newer than the list."""
        listed = {_key(obj) for obj in objects}
        for obj in self.all(kind):
            if _key(obj) not in listed and _revision(obj) <= revision:
                self.remove(obj)
        for obj in objects:
            self.put(obj)

    def _touch(self, key: _Key) -> None:
        self._changes[key[1]] += 1
        self._kind_changes[key[0]] += 1
        self._total += 1
        self._changed.notify_all()


def _key(obj: Obj) -> _Key:
    kind, meta = obj["kind"], obj["metadata"]
    return kind, meta.get("namespace", "") if KINDS[kind].namespaced else "", meta["name"]


class Reflector:
    """Threads that keep a store equal to the cluster, one for each kind."""

    def __init__(self, kube: Kube, store: Store, kinds: Iterable[str]) -> None:
        self.kube, self.store = kube, store
        self._synced = {kind: threading.Event() for kind in kinds}
        self._stop = threading.Event()

    def start(self, timeout: float = 30) -> None:
        """Start watching, and return when every kind has been read once."""
        for kind in self._synced:
            threading.Thread(target=self._follow, args=(kind,), name=f"watch-{kind}", daemon=True).start()
        end = time.monotonic() + timeout
        for kind, synced in self._synced.items():
            if not synced.wait(max(0.0, end - time.monotonic())):
                raise TimeoutError(f"could not read {KINDS[kind].plural} within {timeout:.0f} s")

    def stop(self) -> None:
        """Let the threads end with their next event."""
        self._stop.set()

    def _follow(self, kind: str) -> None:
        while not self._stop.is_set():
            try:
                objects, revision = self.kube.list_page(kind, query="?resourceVersion=0")
                self.store.replace(kind, objects, int(revision))
                self._synced[kind].set()
                while not self._stop.is_set():
                    revision = self._stream(kind, revision)
            except Exception as problem:  # whatever breaks a watch, the answer is to read anew
                if not self._stop.is_set():
                    log.debug("watch of %s: %r", kind, problem)
                    time.sleep(0.5)

    def _stream(self, kind: str, revision: str) -> str:
        for event in self.kube.watch(kind, revision):
            obj = event["object"]
            if event["type"] == "ERROR":
                raise ApiError(obj.get("code", 500), obj.get("message", ""))
            revision = obj["metadata"]["resourceVersion"]
            if event["type"] == "DELETED":
                self.store.remove({**obj, "kind": kind})
            elif event["type"] != "BOOKMARK":
                self.store.put({**obj, "kind": kind})
            if self._stop.is_set():
                break
        return revision
