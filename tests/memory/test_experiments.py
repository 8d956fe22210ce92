"""Experiments in the database, on SQLite and PostgreSQL: an outcome counts once, and what has ended stays as it is."""

from __future__ import annotations

import asyncio

import pytest

from suture.domain.errors import Invalid
from suture.domain.learning import Experiment, Variant
from suture.memory.experiments import SqlExperiments
from suture.memory.store import SqlMemory

RANKING = Experiment(
    id="ranking", variants=[Variant(name="now", traffic=50), Variant(name="new", traffic=50)]
)


@pytest.fixture
async def experiments(memory: SqlMemory) -> SqlExperiments:
    made = SqlExperiments(memory.database)
    await made.create(RANKING, "ada")
    return made


async def test_outcomes_count_once_however_often_and_at_once_they_are_reported(
    experiments: SqlExperiments,
) -> None:
    units = [f"incident-{n}" for n in range(20)] * 3
    await asyncio.gather(*(experiments.record("ranking", "new", u, u.endswith("7")) for u in units))
    await experiments.record("ranking", "now", "incident-1", True)
    assert (await experiments.state("ranking")).outcomes == {"new": (20, 2), "now": (1, 1)}


async def test_a_definition_never_changes_under_way(experiments: SqlExperiments) -> None:
    await experiments.create(RANKING, "bob")
    with pytest.raises(Invalid, match="give this one a new id"):
        await experiments.create(RANKING.model_copy(update={"minimum": 5}), "bob")
    assert (await experiments.state("ranking")).created_by == "ada"


async def test_what_has_ended_counts_nothing_more(experiments: SqlExperiments) -> None:
    await experiments.record("ranking", "new", "a", True)
    await experiments.end("ranking", "better")
    await experiments.end("ranking", "changed my mind")
    with pytest.raises(Invalid, match="has ended"):
        await experiments.record("ranking", "new", "b", True)
    state = await experiments.state("ranking")
    assert (state.status, state.ended_why, state.outcomes) == ("ended", "better", {"new": (1, 1)})
    assert await experiments.running() == []


async def test_unknown_experiments_and_variants_are_refused(experiments: SqlExperiments) -> None:
    with pytest.raises(Invalid, match="no experiment other"):
        await experiments.record("other", "new", "a", True)
    with pytest.raises(Invalid, match="no variant third"):
        await experiments.record("ranking", "third", "a", True)
    assert [e.id for e in await experiments.running()] == ["ranking"]
