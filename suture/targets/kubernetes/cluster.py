"""A Kubernetes cluster as the ports `Cluster` and `ClusterFeed`: cached reads, typed changes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime

import structlog

from suture.domain.action import Action, Receipt
from suture.domain.errors import Forbidden, Invalid, TargetNotFound
from suture.domain.redaction import redact_text
from suture.domain.snapshot import Manifest, Snapshot
from suture.domain.target import ObjectRef
from suture.ports import Change, Ledger
from suture.sealing import Sealer
from suture.targets.kubernetes.actions import handler_of
from suture.targets.kubernetes.actions.base import Context
from suture.targets.kubernetes.cache import surplus_events
from suture.targets.kubernetes.client import Client
from suture.targets.kubernetes.feed import Feed
from suture.targets.kubernetes.kinds import KINDS, WATCHED, Kind
from suture.targets.kubernetes.sealed import outgoing

SHARED_SECONDS = 0.05  # as old as a snapshot may be; the watch itself is seldom nearer to the truth
_MOST_SHARED = 64
_CONCURRENT_LISTS = 8
_LONGEST_LOG_LINE = 2_000
log = structlog.get_logger("suture.kubernetes")


class KubernetesCluster:
    """One cluster. `namespaces` limits what is watched and read; empty means all."""

    def __init__(
        self, name: str, client: Client, sealer: Sealer, ledger: Ledger, namespaces: Iterable[str] = ()
    ) -> None:
        self._name = name
        self._client = client
        self._sealer = sealer
        self._context = Context(client, sealer, ledger)
        self._feed = Feed(client, sealer, namespaces)
        self._shared: dict[str, tuple[float, Snapshot]] = {}

    @property
    def name(self) -> str:
        return self._name

    @property
    def skipped(self) -> dict[str, str]:
        """Kinds that the watch leaves out, and why (no permission, not served)."""
        return self._feed.skipped

    @property
    def in_sync(self) -> bool:
        """Whether snapshots come from the cache at the moment."""
        return self._feed.in_sync

    async def ready(self) -> None:
        await self._client.ready()

    async def close(self) -> None:
        await self._client.close()

    async def run(self) -> None:
        await self._feed.run()

    async def synced(self) -> None:
        await self._feed.synced()

    def changes(self) -> AsyncIterator[list[Change]]:
        return self._feed.changes()

    async def snapshot(self, namespace: str, fresh: bool = False) -> Snapshot:
        if not fresh and self._feed.in_sync and self._feed.covers(namespace):
            return self._cached(namespace)
        at = datetime.now(UTC)
        return Snapshot(await self._read(namespace), at, self._name)

    def _cached(self, namespace: str) -> Snapshot:
        """From the watch's cache. Many incidents that look at the same moment share one snapshot, and what is derived from it."""
        shared = self._shared.get(namespace)
        if shared is None or time.monotonic() - shared[0] > SHARED_SECONDS:
            if len(self._shared) > _MOST_SHARED:
                self._shared.clear()
            taken = Snapshot(self._feed.cache.objects(namespace), datetime.now(UTC), self._name)
            shared = self._shared[namespace] = (time.monotonic(), taken)
        return shared[1]

    async def prepare(self, action: Action, key: str, dry_run: bool = False) -> Receipt:
        receipt = await handler_of(action).prepare(self._context, action, key, datetime.now(UTC))
        return receipt.model_copy(update={"dry_run": dry_run})

    async def apply(self, receipt: Receipt) -> Receipt:
        if receipt.dry_run:
            return receipt.model_copy(
                update={"note": f"dry run: nothing was changed. {receipt.note}".strip()}
            )
        if not receipt.changed:
            return receipt.model_copy(update={"done_at": datetime.now(UTC)})
        carried_out = await handler_of(receipt.action).apply(self._context, receipt)
        log.info(
            "action carried out",
            action=receipt.action.kind,
            object=str(receipt.action.object),
            key=receipt.key,
        )
        return carried_out

    async def logs(self, pod: ObjectRef, container: str, previous: bool = False, lines: int = 50) -> str:
        try:
            text = await self._client.logs(pod, container, previous=previous, lines=lines)
        except (TargetNotFound, Invalid):  # gone, never started, or no previous run: there are none
            return ""
        # Redacted as a whole first: a private key spans lines.
        return redact_text("\n".join(line[:_LONGEST_LOG_LINE] for line in text.splitlines()[-lines:]))

    async def _read(self, namespace: str) -> list[Manifest]:
        """Ask the server for everything a snapshot holds; single kinds may be forbidden or not served."""
        limit = asyncio.Semaphore(_CONCURRENT_LISTS)
        refused: list[Forbidden] = []

        async def read(kind: Kind, where: str, fields: str = "") -> list[Manifest]:
            async with limit:
                try:
                    items = await self._client.list(kind, where, fields=fields)
                except TargetNotFound:
                    return []
                except Forbidden as e:
                    refused.append(e)
                    return []
            return [outgoing(item, self._sealer) for item in items]

        wanted = [(kind, where, "") for kind in WATCHED for where in self._places(kind, namespace)]
        if namespace not in ("", "default"):
            wanted.append((KINDS["Event"], "default", "involvedObject.namespace="))
        lists = await asyncio.gather(*(read(*what) for what in wanted))
        if len(refused) == len(wanted):
            raise refused[0]
        objects = [item for items in lists for item in items]
        old = {id(e) for e in surplus_events(o for o in objects if o["kind"] == "Event")}
        return [o for o in objects if id(o) not in old]

    def _places(self, kind: Kind, namespace: str) -> list[str]:
        if not kind.namespaced:
            return [""]
        return [namespace] if namespace or not self._feed.namespaces else sorted(self._feed.namespaces)
