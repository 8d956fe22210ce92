"""The cluster and the ledger for commands that only look: the engine's own wiring, without Temporal and without writes."""

from __future__ import annotations

import asyncio
import importlib
import os
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from suture.cli import config, history
from suture.cli.attach import Installation
from suture.cli.problems import Failure
from suture.domain.errors import SutureError
from suture.domain.snapshot import Manifest, Snapshot
from suture.domain.target import ObjectRef
from suture.memory.database import Database
from suture.memory.ledger import SqlLedger
from suture.ports import Change, Ledger, Revision
from suture.sealing import Sealer
from suture.settings import Settings
from suture.targets.kubernetes import Client, KubernetesCluster

_HINT = "name the cluster with KUBECONFIG, SUTURE_KUBECONFIG or SUTURE_CONTEXT, or start `suture up`"


class NoHistory:
    """The ledger of an installation that has no database yet: it knows nothing, and keeps nothing."""

    async def record(self, changes: Sequence[Change]) -> None:
        raise Failure("a command that only looks records nothing")

    async def last(self, ref: ObjectRef, existing: bool = True) -> Revision | None:
        return None

    async def content(self, revision_id: str) -> Manifest:
        raise Failure(f"there is no ledger to take the revision {revision_id} from")


class ReadOnce(KubernetesCluster):
    """The cluster as it was at the first look: every part of an answer speaks of the same moment."""

    def __init__(self, name: str, client: Client, sealer: Sealer) -> None:
        super().__init__(name, client, sealer, NoHistory())
        self._reading: dict[str, asyncio.Task[Snapshot]] = {}

    def begin(self, namespace: str) -> None:
        """Ask the server now; `snapshot` waits for the answer."""
        if namespace not in self._reading:
            self._reading[namespace] = asyncio.create_task(super().snapshot(namespace, fresh=True))

    async def snapshot(self, namespace: str, fresh: bool = False) -> Snapshot:
        self.begin(namespace)
        return await self._reading[namespace]

    async def close(self) -> None:
        for task in self._reading.values():
            task.cancel()
        await asyncio.gather(*self._reading.values(), return_exceptions=True)
        await super().close()


@dataclass(frozen=True)
class Sources:
    """What a look needs. `remembers` is False when there is no database."""

    cluster: ReadOnce
    ledger: Ledger
    remembers: bool


@asynccontextmanager
async def sources(installation: Installation, namespace: str, back: timedelta) -> AsyncIterator[Sources]:
    """Begin to read the namespace, and open the ledger. Raises Failure when the cluster cannot be reached or the
    database not be read.
    """
    settings = installation.settings
    sealer = Sealer(_key(settings))
    async with AsyncExitStack() as stack:
        try:
            client = await Client.connect(*_cluster_of(installation))
        except SutureError as e:
            raise Failure(str(e), _HINT) from e
        cluster = ReadOnce(settings.cluster, client, sealer)
        stack.push_async_callback(cluster.close)
        cluster.begin(namespace)
        await asyncio.to_thread(_load)  # while the server works
        memory = await stack.enter_async_context(history.opened(installation))
        ledger = LedgerOnce(memory.database, settings.cluster, sealer, back) if memory else NoHistory()
        yield Sources(cluster, ledger, remembers=memory is not None)


class LedgerOnce(SqlLedger):
    """The ledger, asked once for what changed within `back`: every part of an answer filters what it needs."""

    def __init__(self, database: Database, cluster: str, sealer: Sealer, back: timedelta) -> None:
        super().__init__(database, cluster, sealer)
        self._since = datetime.now(UTC) - back - timedelta(minutes=1)
        self._asked: dict[str, asyncio.Task[list[Revision]]] = {}

    async def changed(self, namespace: str, since: datetime) -> list[Revision]:
        if since < self._since:
            return await super().changed(namespace, since)
        if namespace not in self._asked:
            self._asked[namespace] = asyncio.create_task(super().changed(namespace, self._since))
        return await self._asked[namespace]


def _load() -> None:
    """What takes long to import, and is not needed to ask."""
    importlib.import_module("suture.cli.causes")


def _cluster_of(installation: Installation) -> tuple[str | None, str | None]:
    """Kubeconfig and context: options and variables first, unless the installation itself was named."""
    settings, note = installation.settings, installation.runtime
    by_name = bool(os.environ.get("SUTURE_STATE_DIR_NAMED"))
    if note is not None and note.kubeconfig and (by_name or not config.cluster_named(settings)):
        return note.kubeconfig, note.context
    return settings.kubeconfig, settings.context


def _key(settings: Settings) -> bytes:
    """The installation's key when it has one; else one for this look, so that nothing is written."""
    path = settings.encryption_key_file or settings.state_dir / "sealing.key"
    return settings.sealing_key() if path.exists() else secrets.token_bytes(64)
