"""The cluster and the ledger for commands that only look: the engine's own wiring, without Temporal and without writes."""

from __future__ import annotations

import os
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from suture.cli import config, history
from suture.cli.attach import Installation
from suture.cli.problems import Failure

if TYPE_CHECKING:
    from suture.domain.snapshot import Manifest
    from suture.domain.target import ObjectRef
    from suture.memory.ledger import SqlLedger
    from suture.ports import Change, Revision
    from suture.settings import Settings
    from suture.targets.kubernetes import KubernetesCluster

_HINT = "name the cluster with KUBECONFIG, SUTURE_KUBECONFIG or SUTURE_CONTEXT, or start `suture up`"


class NoHistory:
    """The ledger of an installation that has no database yet: it knows nothing, and keeps nothing."""

    async def record(self, changes: Sequence[Change]) -> None:
        raise Failure("a command that only looks records nothing")

    async def last(self, ref: ObjectRef, existing: bool = True) -> Revision | None:
        return None

    async def history(
        self, ref: ObjectRef, since: datetime | None = None, limit: int = 100
    ) -> list[Revision]:
        return []

    async def content(self, revision_id: str) -> Manifest:
        raise Failure(f"there is no ledger to take the revision {revision_id} from")


@dataclass(frozen=True)
class Sources:
    """What a look needs. `remembers` is False when there is no database."""

    cluster: KubernetesCluster
    ledger: SqlLedger | NoHistory
    remembers: bool


@asynccontextmanager
async def sources(installation: Installation) -> AsyncIterator[Sources]:
    """Open both for reading. Raises Failure when the cluster cannot be reached or the database not be read."""
    from suture.domain.errors import SutureError
    from suture.memory.ledger import SqlLedger
    from suture.sealing import Sealer
    from suture.targets.kubernetes import KubernetesCluster
    from suture.targets.kubernetes.client import Client

    settings = installation.settings
    async with AsyncExitStack() as stack:
        memory = await stack.enter_async_context(history.opened(installation))
        sealer = Sealer(_key(settings))
        ledger = SqlLedger(memory.database, settings.cluster, sealer) if memory else NoHistory()
        try:
            client = await Client.connect(*_cluster_of(installation))
        except SutureError as e:
            raise Failure(str(e), _HINT) from e
        stack.push_async_callback(client.close)
        cluster = KubernetesCluster(settings.cluster, client, sealer, ledger)
        yield Sources(cluster, ledger, remembers=memory is not None)


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

