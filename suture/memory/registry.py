"""The registry of models in two tables: versions, and every change of their stage.

At most one version of a name is the champion, whoever promotes at the same time: the change is one transaction that first
takes the name's lock (SQLite's write lock; an advisory lock on PostgreSQL).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from suture.domain.errors import Conflict, Invalid
from suture.domain.learning import ModelStage, ModelVersion, Transition
from suture.memory.database import Database
from suture.memory.statements import table_of
from suture.memory.tables import ModelTransition, ModelVersionRow

_models, _transitions = table_of(ModelVersionRow), table_of(ModelTransition)


class SqlModelRegistry:
    """`ports.ModelRegistry` on the engine's database. All methods raise Unavailable when it does not answer."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def register(self, model: ModelVersion) -> ModelVersion:
        """Add a candidate under the next free number (its own `version` and `stage` are not looked at). The same artefact
        of the same name is registered once: a repeat returns the first."""

        async def add(connection: AsyncConnection) -> ModelVersion:
            await self._lock(connection, model.name)
            known = await self._all(connection, model.name)
            same = next((m for m in known if m.artefact == model.artefact), None)
            if same:
                return same
            if model.parent is not None and model.parent not in [m.version for m in known]:
                raise Invalid(f"{model.name} has no version {model.parent} to be the parent")
            number = max((m.version for m in known), default=0) + 1
            new = model.model_copy(update={"version": number, "stage": ModelStage.CANDIDATE})
            await connection.execute(insert(_models).values(**new.model_dump()))
            return new

        return await self._database.write(add)

    async def versions(self, name: str) -> list[ModelVersion]:
        """Every version of a name, oldest first."""
        return await self._database.read(lambda c: self._all(c, name))

    async def champion(self, name: str) -> ModelVersion | None:
        """The version that is used; None when none was promoted."""
        return _champion(await self.versions(name))

    async def promote(self, name: str, version: int, stage: ModelStage, by: str, why: str) -> ModelVersion:
        """Move a version to a stage; a new champion archives the one before. Repeats change nothing.

        Raises Invalid when there is no such version, or no `by` and `why`.
        """
        if not by or not why:
            raise Invalid("say who promotes the model and why")

        async def move(connection: AsyncConnection) -> ModelVersion:
            await self._lock(connection, name)
            known = {m.version: m for m in await self._all(connection, name)}
            if version not in known:
                raise Invalid(f"{name} has no version {version}: it has {sorted(known) or 'none'}")
            before = _champion(list(known.values()))
            if stage is ModelStage.CHAMPION and before and before.version != version:
                await self._set(
                    connection, before, ModelStage.ARCHIVED, by, f"version {version} takes over: {why}"
                )
            await self._set(connection, known[version], stage, by, why)
            return known[version].model_copy(update={"stage": stage})

        return await self._database.write(move)

    async def roll_back(self, name: str, by: str, why: str) -> ModelVersion:
        """Make the champion before the present one champion again. Raises Invalid when there was none."""
        history = await self.history(name)
        present = await self.champion(name)
        crowned = [t.version for t in history if t.after is ModelStage.CHAMPION]
        earlier = [v for v in crowned if present is None or v != present.version]
        if not earlier:
            raise Invalid(f"{name} has no earlier champion to go back to")
        return await self.promote(name, earlier[-1], ModelStage.CHAMPION, by, f"rolled back: {why}")

    async def history(self, name: str) -> list[Transition]:
        """Every change of a stage, oldest first."""
        columns = [c for c in _transitions.c if c.name != "seq"]
        statement = select(*columns).where(_transitions.c.name == name).order_by(_transitions.c.seq)

        async def ask(connection: AsyncConnection) -> list[Transition]:
            rows = (await connection.execute(statement)).all()
            return [Transition(**dict(zip(_TRANSITION, row, strict=True))) for row in rows]

        return await self._database.read(ask)

    async def lineage(self, name: str, version: int) -> list[ModelVersion]:
        """The version and what it was trained on from, back to the first. Raises Invalid for an unknown version."""
        known = {m.version: m for m in await self.versions(name)}
        if version not in known:
            raise Invalid(f"{name} has no version {version}")
        line = [known[version]]
        while line[-1].parent is not None:
            line.append(known[line[-1].parent])
        return line

    async def _all(self, connection: AsyncConnection, name: str) -> list[ModelVersion]:
        statement = select(_models).where(_models.c.name == name).order_by(_models.c.version)
        rows: Sequence[Any] = (await connection.execute(statement)).mappings().all()
        return [ModelVersion(**row) for row in rows]

    async def _set(
        self, connection: AsyncConnection, model: ModelVersion, stage: ModelStage, by: str, why: str
    ) -> None:
        if model.stage is stage:
            return
        key = (_models.c.name == model.name, _models.c.version == model.version)
        changed = await connection.execute(update(_models).where(*key).values(stage=stage.value))
        if changed.rowcount != 1:
            raise Conflict(f"{model.name} {model.version} has gone meanwhile")
        values = {
            "name": model.name,
            "version": model.version,
            "before": model.stage.value,
            "after": stage.value,
        }
        await connection.execute(
            insert(_transitions).values(**values, at=datetime.now(UTC), changed_by=by, why=why)
        )

    async def _lock(self, connection: AsyncConnection, name: str) -> None:
        """SQLite's writer holds the whole file already."""
        if not self._database.is_sqlite:
            key = int.from_bytes(hashlib.sha256(f"model:{name}".encode()).digest()[:8], "big", signed=True)
            await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": key})


_TRANSITION = ("name", "version", "before", "after", "at", "by", "why")


def _champion(versions: Sequence[ModelVersion]) -> ModelVersion | None:
    return next((m for m in versions if m.stage is ModelStage.CHAMPION), None)
