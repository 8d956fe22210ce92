"""The registry of models, on SQLite and PostgreSQL: numbers, stages, going back, lineage, and two promoting at once."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from suture.domain.errors import Invalid
from suture.domain.learning import ModelStage, ModelVersion
from suture.memory.registry import SqlModelRegistry
from suture.memory.store import SqlMemory

HASH = "0" * 64


def model(artefact: str, **more: Any) -> ModelVersion:
    return ModelVersion(
        name="classifier",
        version=1,
        data_hash=HASH,
        code_hash=HASH,
        artefact=artefact * 64,
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        created_by="ada",
        metrics={"macro_f1": 0.8},
        **more,
    )


@pytest.fixture
def registry(memory: SqlMemory) -> SqlModelRegistry:
    return SqlModelRegistry(memory.database)


async def test_versions_are_numbered_and_the_same_artefact_is_one_version(registry: SqlModelRegistry) -> None:
    first, second = await registry.register(model("a")), await registry.register(model("b", parent=1))
    again = await registry.register(model("a"))
    assert (first.version, second.version, again.version) == (1, 2, 1)
    assert [m.version for m in await registry.lineage("classifier", 2)] == [2, 1]
    assert (await registry.versions("classifier"))[0].metrics == {"macro_f1": 0.8}


async def test_a_new_champion_archives_the_old_one_and_it_can_come_back(registry: SqlModelRegistry) -> None:
    for artefact in "abc":
        await registry.register(model(artefact))
    await registry.promote("classifier", 1, ModelStage.CHAMPION, "ada", "first")
    await registry.promote("classifier", 3, ModelStage.SHADOW, "ada", "to be watched")
    await registry.promote("classifier", 2, ModelStage.CHAMPION, "ada", "better by 2 points")
    stages = [m.stage for m in await registry.versions("classifier")]
    assert stages == [ModelStage.ARCHIVED, ModelStage.CHAMPION, ModelStage.SHADOW]
    back = await registry.roll_back("classifier", "bob", "worse in production")
    champion = await registry.champion("classifier")
    assert champion is not None
    assert (back.version, champion.version) == (1, 1)
    newest = (await registry.history("classifier"))[-1]
    assert (newest.by, newest.after, newest.why) == ("bob", "champion", "rolled back: worse in production")


async def test_what_makes_no_sense_is_refused_with_the_reason(registry: SqlModelRegistry) -> None:
    await registry.register(model("a"))
    with pytest.raises(Invalid, match="no version 7"):
        await registry.promote("classifier", 7, ModelStage.CHAMPION, "ada", "why not")
    with pytest.raises(Invalid, match="who promotes"):
        await registry.promote("classifier", 1, ModelStage.CHAMPION, "ada", "")
    with pytest.raises(Invalid, match="no earlier champion"):
        await registry.roll_back("classifier", "ada", "because")
    with pytest.raises(Invalid, match="to be the parent"):
        await registry.register(model("b", parent=9))


async def test_promoting_at_once_leaves_one_champion(registry: SqlModelRegistry) -> None:
    for artefact in "abcdef":
        await registry.register(model(artefact))
    await asyncio.gather(
        *(registry.promote("classifier", n, ModelStage.CHAMPION, "ada", "race") for n in range(1, 7))
    )
    stages = [m.stage for m in await registry.versions("classifier")]
    assert stages.count(ModelStage.CHAMPION) == 1
    assert stages.count(ModelStage.ARCHIVED) == 5


async def test_registering_at_once_gives_different_numbers(registry: SqlModelRegistry) -> None:
    made = await asyncio.gather(*(registry.register(model(a)) for a in "0123456789abcdef"))
    assert sorted(m.version for m in made) == list(range(1, 17))
