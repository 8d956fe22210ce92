"""The history of watched objects: who changed what when, and what to put back when something is gone.

The newest fingerprint of every object is held in memory (read once, in bulk), so that a restart, in which the
watch tells of every object again, writes nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Row, Select, and_, delete, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from suture.domain.action import digest
from suture.domain.errors import Irreversible, TargetNotFound
from suture.domain.snapshot import Manifest
from suture.domain.target import ObjectRef
from suture.memory.database import Database
from suture.memory.health import SqlHealth
from suture.memory.revisions import RECORDED, fingerprint, is_recorded, manager_of, protect, wish
from suture.memory.statements import table_of
from suture.memory.tables import ObjectRevision
from suture.ports import Change, HealthPeriod, Revision
from suture.sealing import Sealer

BATCH = 500
KEPT_OF_EACH = 12  # revisions of one object that `changed` looks back
MOST_CHANGED = 2_000  # revisions in one answer of `changed`
DELETED = ""  # the fingerprint of an object that is not there
Known = dict[ObjectRef, tuple[str, str]]  # uid and fingerprint

_revisions = table_of(ObjectRevision)
_c = _revisions.c
_SHOWN = (_c.id, _c.kind, _c.namespace, _c.name, _c.uid, _c.at, _c.manager, _c.content, _c.restorable)


class SqlLedger:
    """`ports.Ledger` of one cluster.

    Values stay sealed in what `last`, `history` and `content` return; whoever restores unseals every text.
    With a `sealer`, secrets that arrive in clear (in an environment variable, say) are sealed too instead of
    hidden.
    """

    def __init__(
        self, database: Database, cluster: str, sealer: Sealer | None = None, kinds: Iterable[str] = RECORDED
    ) -> None:
        self._database = database
        self._cluster = cluster
        self._sealer = sealer
        self._kinds = frozenset(kinds)
        self._key = sealer.seal("ledger").encode()[:64] if sealer else b"ledger"
        self._health = SqlHealth(database, cluster)
        self._known: Known | None = None
        self._lock = asyncio.Lock()

    async def record(self, changes: Sequence[Change]) -> None:
        """Append what changed in spec or data; the same content again adds nothing. Raises Unavailable."""
        async with self._lock:
            known = await self._loaded()
            for start in range(0, len(changes), BATCH):
                new, seen = await asyncio.to_thread(self._new_rows, changes[start : start + BATCH], known)
                await self._append(new)
                known.update(seen)

    async def reconcile(self, present: Iterable[ObjectRef], at: datetime | None = None) -> int:
        """Record as deleted what the ledger knows and a complete listing has not; returns how many. For the
        start, when objects may have gone unseen. Kinds of which nothing is present are left alone: perhaps
        they could not be listed.
        """
        there = set(present)
        kinds = {ref.kind for ref in there}
        async with self._lock:
            known = await self._loaded()
            gone = [r for r, (_, h) in known.items() if h != DELETED and r.kind in kinds and r not in there]
        now = at or datetime.now(UTC)
        await self.record([Change(ref=ref, manifest=None, previous=None, at=now) for ref in gone])
        return len(gone)

    async def last(self, ref: ObjectRef, existing: bool = True) -> Revision | None:
        """The newest revision; with `existing` the newest in which the object was there."""
        found = await self._select(self._of(ref, existing).order_by(_c.seq.desc()).limit(1))
        return _revision(found[0]) if found else None

    async def history(
        self, ref: ObjectRef, since: datetime | None = None, limit: int = 100
    ) -> list[Revision]:
        """Revisions recorded at or after `since`, newest first."""
        wanted = self._of(ref).order_by(_c.seq.desc()).limit(limit)
        return [
            _revision(row) for row in await self._select(wanted.where(_c.at >= since) if since else wanted)
        ]

    async def changed(self, namespace: str, since: datetime) -> list[Revision]:
        """The newest revisions of what changed at or after `since` in a namespace ("": all) or cluster-wide,
        each object's in order, with one from before when there is one; of too many objects those that changed
        last. Raises Unavailable.
        """
        same = (_c.kind, _c.namespace, _c.name)
        rank = func.row_number().over(partition_by=same, order_by=_c.seq.desc()).label("rank")
        newest = func.max(_c.at).over(partition_by=same).label("newest")
        where = [_c.cluster == self._cluster, *([_c.namespace.in_(("", namespace))] if namespace else [])]
        ranked = select(_c.seq, rank, newest).where(*where).subquery()
        found_in = (
            ranked.c.newest.desc(),
            _c.kind,
            _c.namespace,
            _c.name,
            _c.seq,
        )  # whole objects, the latest first
        statement = select(*_SHOWN).join(ranked, ranked.c.seq == _c.seq)
        statement = statement.where(ranked.c.rank <= KEPT_OF_EACH, ranked.c.newest >= since)
        rows = await self._select(statement.order_by(*found_in).limit(MOST_CHANGED))
        return [_revision(row) for row in rows]

    async def health(self, refs: Iterable[ObjectRef] | None = None) -> dict[ObjectRef, list[HealthPeriod]]:
        """See ports.History."""
        return await self._health.health(refs)

    async def mark(self, periods: Mapping[ObjectRef, Sequence[HealthPeriod]], seen_at: datetime) -> None:
        """See ports.History."""
        await self._health.mark(periods, seen_at)

    async def seen_at(self) -> datetime | None:
        """See ports.History."""
        return await self._health.seen_at()

    async def content(self, revision_id: str) -> Manifest:
        """The manifest to restore, sealed still. Raises TargetNotFound, Irreversible (values never kept)."""
        found = await self._select(select(*_SHOWN).where(_c.id == revision_id, _c.cluster == self._cluster))
        if not found or found[0].content is None:
            raise TargetNotFound(f"the ledger has no content under the revision {revision_id}")
        if not found[0].restorable:
            named = _revision(found[0]).ref
            raise Irreversible(f"the ledger knows {named} without its secret values: restore it by hand")
        manifest: Manifest = found[0].content
        return manifest

    async def prune(self, older_than: datetime, keep_last: int = KEPT_OF_EACH) -> int:
        """Delete revisions from before `older_than`, but of each object that is there keep the newest `keep_last` and
        the newest with content; of one that was deleted before then nothing is kept. Healthy periods go likewise.
        Returns how many rows were deleted. Raises Unavailable.
        """
        same = (_c.kind, _c.namespace, _c.name)
        rank = func.row_number().over(partition_by=same, order_by=_c.seq.desc()).label("rank")
        full = func.max(_c.seq).filter(_c.content.is_not(None)).over(partition_by=same).label("full")
        newest = func.first_value(_c.content_hash).over(partition_by=same, order_by=_c.seq.desc())
        last = func.max(_c.at).over(partition_by=same).label("last")
        shown = (_c.seq, _c.at, rank, full, newest.label("newest"), last)
        ranked = select(*shown).where(_c.cluster == self._cluster).subquery()
        long_gone = and_(ranked.c.newest == DELETED, ranked.c.last < older_than)
        old = and_(ranked.c.at < older_than, ranked.c.rank > keep_last)
        spare = or_(long_gone, and_(old, or_(ranked.c.full.is_(None), ranked.c.seq != ranked.c.full)))
        statement = delete(_revisions).where(_c.seq.in_(select(ranked.c.seq).where(spare)))

        async def drop(connection: AsyncConnection) -> int:
            return (await connection.execute(statement)).rowcount

        async with self._lock:
            revisions = await self._database.write(drop)
            self._known = None  # read again: what is long gone is not known any more
        return revisions + await self._health.prune(older_than)

    async def _loaded(self) -> Known:
        if self._known is None:
            newest = select(func.max(_c.seq)).where(_c.cluster == self._cluster)
            newest = newest.group_by(_c.kind, _c.namespace, _c.name)
            columns = (_c.kind, _c.namespace, _c.name, _c.uid, _c.content_hash)
            rows = await self._select(select(*columns).where(_c.seq.in_(newest)))
            self._known = {_ref(r): (r.uid, r.content_hash) for r in rows}
        return self._known

    def _new_rows(self, changes: Sequence[Change], known: Known) -> tuple[list[dict[str, Any]], Known]:
        """The rows that the changes add, and what is known once they are stored."""
        seen: Known = {}
        rows = []
        for change in changes:
            before = seen.get(change.ref) or known.get(change.ref)
            for row in self._rows_of(change, before):
                rows.append(row)
                seen[change.ref] = (row["uid"], row["content_hash"])
        return rows, seen

    def _rows_of(self, change: Change, before: tuple[str, str] | None) -> list[dict[str, Any]]:
        if change.manifest is not None:
            return self._state(change, change.manifest, before)
        found = self._state(change, change.previous, None) if change.previous and before is None else []
        if found or (before and before[1] != DELETED):
            meta = change.previous["metadata"] if change.previous else {}
            uid = str(meta.get("uid") or (before[0] if before else ""))
            found.append(self._row(change, uid, meta, DELETED))
        return found

    def _state(
        self, change: Change, manifest: Manifest, before: tuple[str, str] | None
    ) -> list[dict[str, Any]]:
        if not is_recorded(manifest, self._kinds):
            return []
        meta, content = manifest["metadata"], wish(manifest)
        uid, known_as = str(meta.get("uid", "")), fingerprint(content, self._key)
        if before == (uid, known_as):
            return []
        safe, restorable = protect(content, self._sealer)
        row = self._row(change, uid, meta, known_as)
        return [row | {"manager": manager_of(manifest), "content": safe, "restorable": restorable}]

    def _row(self, change: Change, uid: str, meta: dict[str, Any], known_as: str) -> dict[str, Any]:
        version = str(meta.get("resourceVersion", ""))
        moment = version or change.at.isoformat()
        return {
            "id": digest(self._cluster, str(change.ref), uid, moment, known_as),
            "cluster": self._cluster,
            **change.ref.model_dump(),
            "uid": uid,
            "generation": meta.get("generation"),
            "resource_version": version,
            "manager": "",
            "at": change.at,
            "content": None,
            "content_hash": known_as,
            "restorable": False,
        }

    async def _append(self, rows: list[dict[str, Any]]) -> None:
        statement = self._database.insert(_revisions).on_conflict_do_nothing()
        if rows:
            await self._database.write(lambda c: c.execute(statement, rows))

    def _of(self, ref: ObjectRef, existing: bool = False) -> Select[Any]:
        named = (_c.kind == ref.kind, _c.namespace == ref.namespace, _c.name == ref.name)
        found = select(*_SHOWN).where(_c.cluster == self._cluster, *named)
        return found.where(_c.content.is_not(None)) if existing else found

    async def _select(self, statement: Select[Any]) -> Sequence[Row[Any]]:
        async def ask(connection: AsyncConnection) -> Sequence[Row[Any]]:
            found: Sequence[Row[Any]] = (await connection.execute(statement)).all()
            return found

        return await self._database.read(ask)


def _ref(row: Row[Any]) -> ObjectRef:
    return ObjectRef.model_construct(kind=row.kind, namespace=row.namespace, name=row.name)


def _revision(row: Row[Any]) -> Revision:
    return Revision(
        id=row.id, ref=_ref(row), uid=row.uid, at=row.at, manager=row.manager,
        content=row.content, restorable=row.restorable,
    )  # fmt: skip
