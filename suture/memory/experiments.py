"""Experiments in the database: definitions that never change under way, and outcomes that are counted once."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Integer, cast, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from suture.domain.errors import Invalid
from suture.domain.learning import Experiment, ExperimentState
from suture.memory.database import Database
from suture.memory.statements import table_of
from suture.memory.tables import ExperimentOutcome, ExperimentRow

RUNNING, ENDED = "running", "ended"
_experiments, _outcomes = table_of(ExperimentRow), table_of(ExperimentOutcome)


class SqlExperiments:
    """`ports.Experiments` on the engine's database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, experiment: Experiment, by: str) -> None:
        definition = experiment.model_dump(mode="json")
        row = {
            "id": experiment.id,
            "definition": definition,
            "status": RUNNING,
            "created_at": datetime.now(UTC),
            "created_by": by,
            "ended_why": "",
        }

        async def add(connection: AsyncConnection) -> None:
            await connection.execute(self._database.insert(_experiments).on_conflict_do_nothing(), row)
            if (await _row(connection, experiment.id)).definition != definition:
                raise Invalid(
                    f"another experiment has the id {experiment.id}: end it, and give this one a new id"
                )

        await self._database.write(add)

    async def record(self, experiment: str, variant: str, unit: str, success: bool) -> None:
        row = {
            "experiment": experiment,
            "variant": variant,
            "unit": unit,
            "success": success,
            "at": datetime.now(UTC),
        }

        async def count(connection: AsyncConnection) -> None:
            found = await _row(connection, experiment)
            if found.status != RUNNING:
                raise Invalid(f"the experiment {experiment} has ended")
            if variant not in [v["name"] for v in found.definition["variants"]]:
                raise Invalid(f"the experiment {experiment} has no variant {variant}")
            await connection.execute(self._database.insert(_outcomes).on_conflict_do_nothing(), row)

        await self._database.write(count)

    async def end(self, experiment: str, why: str) -> None:
        async def stop(connection: AsyncConnection) -> None:
            await _row(connection, experiment)
            running = (_experiments.c.id == experiment, _experiments.c.status == RUNNING)
            ended = {"status": ENDED, "ended_at": datetime.now(UTC), "ended_why": why}
            await connection.execute(update(_experiments).where(*running).values(**ended))

        await self._database.write(stop)

    async def state(self, experiment: str) -> ExperimentState:
        async def ask(connection: AsyncConnection) -> ExperimentState:
            found = await _row(connection, experiment)
            rows = (await connection.execute(_tally(experiment))).all()
            return ExperimentState(
                experiment=Experiment.model_validate(found.definition),
                status=found.status,
                created_by=found.created_by,
                ended_why=found.ended_why,
                outcomes={variant: (attempts, successes) for variant, attempts, successes in rows},
            )

        return await self._database.read(ask)

    async def running(self) -> list[Experiment]:
        statement = (
            select(_experiments.c.definition)
            .where(_experiments.c.status == RUNNING)
            .order_by(_experiments.c.id)
        )

        async def ask(connection: AsyncConnection) -> list[Experiment]:
            return [Experiment.model_validate(d) for d in (await connection.execute(statement)).scalars()]

        return await self._database.read(ask)


def _tally(experiment: str) -> Any:
    c = _outcomes.c
    counts = (func.count(), func.sum(cast(c.success, Integer)))
    return select(c.variant, *counts).where(c.experiment == experiment).group_by(c.variant)


async def _row(connection: AsyncConnection, experiment: str) -> Any:
    found = (
        await connection.execute(select(_experiments).where(_experiments.c.id == experiment))
    ).one_or_none()
    if found is None:
        raise Invalid(f"there is no experiment {experiment}")
    return found
