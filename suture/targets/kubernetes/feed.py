"""The watch: one listing and then a watch for each kind, forever, and whoever subscribes hears what changed.

A watch resumes where it stopped (bookmarks keep that place fresh). When the server has forgotten the place
(410), the kind is listed anew and compared, so that changes and deletions inside the gap are told as well.
"""

from __future__ import annotations

import asyncio
import random
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from datetime import UTC, datetime

import structlog

from suture.domain.errors import Forbidden, SutureError, TargetNotFound
from suture.domain.snapshot import Manifest, ref_of
from suture.domain.target import ObjectRef
from suture.ports import Change
from suture.sealing import Sealer
from suture.targets.kubernetes.cache import Cache, is_recent
from suture.targets.kubernetes.client import Client
from suture.targets.kubernetes.errors import Expired
from suture.targets.kubernetes.kinds import WATCHED, Kind
from suture.targets.kubernetes.sealed import lean, outgoing

BACK_OFF_FIRST, BACK_OFF_MOST = 0.5, 30.0
SKIP_AGAIN_AFTER = 300.0  # a permission may be granted, a kind served, later
WATCH_SECONDS = (240, 360)
log = structlog.get_logger("suture.kubernetes")


class Subscription(AsyncIterator[list[Change]]):
    """What changed since the last look, at most one change an object: a slow reader never makes it grow."""

    def __init__(self) -> None:
        self._pending: dict[ObjectRef, Change] = {}
        self._some = asyncio.Event()

    def tell(self, change: Change) -> None:
        first = self._pending.pop(change.ref, None)
        if first:
            change = change.model_copy(update={"previous": first.previous})
        if change.manifest is not None or change.previous is not None:
            self._pending[change.ref] = change
            self._some.set()

    def __aiter__(self) -> Subscription:
        return self

    async def __anext__(self) -> list[Change]:
        await self._some.wait()
        self._some.clear()
        batch, self._pending = list(self._pending.values()), {}
        return batch if batch else await self.__anext__()


class Feed:
    """Keeps a Cache in step with the cluster, or with some of its namespaces."""

    def __init__(
        self, client: Client, sealer: Sealer, namespaces: Iterable[str] = (), kinds: Iterable[Kind] = WATCHED
    ) -> None:
        self.cache = Cache()
        self.namespaces = frozenset(namespaces)
        self._subscriptions: weakref.WeakSet[Subscription] = weakref.WeakSet()
        self._reflectors = [
            Reflector(client, sealer, kind, namespace, self.cache, self._tell)
            for kind in kinds
            for namespace in (sorted(self.namespaces) if kind.namespaced and self.namespaces else ("",))
        ]

    @property
    def in_sync(self) -> bool:
        """Whether the cache is complete and every watch alive (kinds that may not be read aside)."""
        return all(r.current or r.skipped for r in self._reflectors)

    @property
    def skipped(self) -> dict[str, str]:
        """Kinds that cannot be watched, and why."""
        return {r.kind.name: r.skipped for r in self._reflectors if r.skipped}

    def covers(self, namespace: str) -> bool:
        """Whether the cache holds this namespace ("" = all)."""
        return not self.namespaces or namespace in self.namespaces

    async def synced(self) -> None:
        for reflector in self._reflectors:
            await reflector.listed.wait()

    def changes(self) -> Subscription:
        """Everything that changes from now on; subscribed before `run`, the first listing is told too."""
        subscription = Subscription()
        self._subscriptions.add(subscription)
        return subscription

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            for reflector in self._reflectors:
                tasks.create_task(
                    reflector.run(), name=f"watch {reflector.kind.plural} {reflector.namespace}"
                )

    def _tell(self, change: Change) -> None:
        for subscription in list(self._subscriptions):
            subscription.tell(change)


class Reflector:
    """Lists and watches one kind."""

    def __init__(
        self,
        client: Client,
        sealer: Sealer,
        kind: Kind,
        namespace: str,
        cache: Cache,
        tell: Callable[[Change], None],
    ) -> None:
        self.kind, self.namespace = kind, namespace
        self.current = False  # the cache is complete and the last thing heard of the server was not an error
        self.listed = asyncio.Event()  # listed once, or found to be unreadable
        self.skipped = ""
        self._client, self._sealer, self._cache, self._tell = client, sealer, cache, tell
        self._version = ""
        self._failures = 0

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._guarded(self._list if not self._version else self._watch)

    async def _guarded(self, work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        except Expired:
            self._version, self.current = "", False
            await asyncio.sleep(self._pause())
        except (Forbidden, TargetNotFound) as e:
            self._skip(e)
            await asyncio.sleep(SKIP_AGAIN_AFTER)
        except SutureError as e:
            self._failed(e)
            await asyncio.sleep(self._pause())
        except (KeyError, TypeError, ValueError) as e:  # an answer of an unknown shape must not end the watch
            self._version = ""
            self._failed(e)
            await asyncio.sleep(self._pause())

    def _pause(self) -> float:
        """Exponential back-off with jitter, so that thirty watches do not come back at the same moment."""
        self._failures += 1
        longest: float = min(BACK_OFF_FIRST * 2 ** (self._failures - 1), BACK_OFF_MOST)
        return longest * random.uniform(0.5, 1.0)  # noqa: S311

    def _failed(self, error: Exception) -> None:
        if self.current or self._failures == 0:
            log.warning(
                "watch interrupted", kind=self.kind.name, namespace=self.namespace, error=type(error).__name__
            )
        self.current = False

    def _skip(self, error: SutureError) -> None:
        if not self.skipped:
            log.warning(
                "kind left out of the watch", kind=self.kind.name, namespace=self.namespace, reason=str(error)
            )
        self.skipped, self.current, self._version = str(error), False, ""
        for ref in self._cache.refs(self.kind.name, self.namespace):
            self._cache.drop(ref)
        self.listed.set()

    async def _list(self) -> None:
        """List all and tell the differences from what was known."""
        seen: set[ObjectRef] = set()
        version = ""
        async for page in self._client.pages(self.kind, self.namespace):
            version = version or page.resource_version
            seen.update(self._put(item) for item in page.items)
        for gone in set(self._cache.refs(self.kind.name, self.namespace)) - seen:
            self._drop(gone)
        self._version, self.skipped, self.current, self._failures = version, "", True, 0
        self.listed.set()

    async def _watch(self) -> None:
        """Follow the changes until the server ends the watch."""
        started = asyncio.get_running_loop().time()
        seconds = random.randint(*WATCH_SECONDS)  # noqa: S311
        async for event in self._client.watch(self.kind, self.namespace, self._version, seconds):
            if event.type == "DELETED":
                self._drop(ref_of(event.object))
            elif event.type != "BOOKMARK":
                self._put(event.object)
            self._version = event.object["metadata"]["resourceVersion"]
            self.current, self._failures = True, 0
        if (
            asyncio.get_running_loop().time() - started < 1
        ):  # a server that ends watches at once must not be hammered
            await asyncio.sleep(self._pause())

    def _put(self, raw: Manifest) -> ObjectRef:
        ref = ref_of(raw)
        if self.kind.name == "Event" and not is_recent(raw):
            return ref
        known = self._cache.get(ref)
        if known and known["metadata"].get("resourceVersion") == raw["metadata"].get("resourceVersion"):
            return ref
        manifest: Manifest = lean(outgoing(raw, self._sealer))
        previous = self._cache.put(manifest)
        self._tell(Change(ref=ref, manifest=manifest, previous=previous, at=datetime.now(UTC)))
        return ref

    def _drop(self, ref: ObjectRef) -> None:
        previous = self._cache.drop(ref)
        if previous is not None and self.kind.name != "Event":  # events run out; nobody heals that
            self._tell(Change(ref=ref, manifest=None, previous=previous, at=datetime.now(UTC)))
