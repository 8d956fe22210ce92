"""Finding incidents and counting them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import update

from suture.domain.errors import Invalid, TargetNotFound
from suture.domain.stages import Outcome
from suture.memory import queries
from suture.memory.statements import table_of
from suture.memory.store import SqlMemory
from suture.memory.tables import Incident
from tests.memory.samples import START, ended, healed, record


@pytest.fixture
async def some(memory: SqlMemory) -> SqlMemory:
    await memory.save_incident(healed("aa-1"))
    await memory.save_incident(ended("aa-2", Outcome.ESCALATED, START + timedelta(hours=1)))
    await memory.save_incident(ended("b%-3", Outcome.SELF_RESOLVED, START + timedelta(hours=2)))
    await memory.open_incident(record("c-4", "api", START + timedelta(hours=3)))
    return memory


async def ids(memory: SqlMemory, **wanted: object) -> list[str]:
    return [row.incident_id for row in await queries.incidents(memory, **wanted)]  # type: ignore[arg-type]


async def test_lists_are_filtered_and_newest_first(some: SqlMemory) -> None:
    assert await ids(some) == ["c-4", "b%-3", "aa-2", "aa-1"]
    assert await ids(some, outcome="open") == ["c-4"]
    assert await ids(some, outcome=Outcome.HEALED) == ["aa-1"]
    assert await ids(some, since=START + timedelta(hours=2), limit=1) == ["c-4"]
    assert await ids(some, namespace="elsewhere") == []


async def test_an_incident_is_found_by_id_prefix_or_workflow(some: SqlMemory) -> None:
    async def found(word: str) -> str:
        return (await queries.incident(some, word)).incident.incident_id

    assert await found("aa-1") == "aa-1"
    assert await found("c") == "c-4"
    assert await found("b%") == "b%-3"
    assert await found(record().workflow_id) == "b%-3"
    with pytest.raises(Invalid, match="fits several"):
        await found("aa")
    for nothing in ("%", "", "zz"):
        with pytest.raises(TargetNotFound):
            await found(nothing)


async def test_the_story_has_its_record(some: SqlMemory) -> None:
    story = await queries.incident(some, "aa-1")
    assert story.record == healed("aa-1")
    assert story.incident.target == "Deployment/shop/web"
    assert [a.choice for a in story.approvals] == ["approve"]


async def test_a_record_of_another_version_is_still_shown(some: SqlMemory) -> None:
    await some.save_incident(healed("old"))
    older = update(table_of(Incident)).where(Incident.incident_id == "old").values(record={"summary": 7})
    await some.database.write(lambda c: c.execute(older))
    found = await queries.incident(some, "old")
    assert found.record is None and found.raw == {"summary": 7}


async def test_stats_are_rates_of_finished_incidents(some: SqlMemory, memory: SqlMemory) -> None:
    found = await queries.stats(some)
    assert (found.incidents, found.finished, found.executed) == (4, 3, 1)
    assert found.success_rate == found.execution_rate == pytest.approx(1 / 3)
    assert found.average_recovery_seconds == 42.0
    assert found.routes == {"hybrid": 1}
    assert found.outcomes == {"healed": 1, "self_resolved": 1, "escalated": 1}
    none = await queries.stats(some, since=START + timedelta(days=1))
    assert (none.success_rate, none.average_recovery_seconds, none.routes) == (None, None, {})
