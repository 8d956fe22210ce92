"""Finished incidents as their reports need them, and follow-ups as the list needs them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from suture.domain.errors import TargetNotFound
from suture.domain.post_incident import Done, Duty
from suture.domain.stages import Outcome
from suture.memory.archive import SqlArchive
from suture.memory.store import SqlMemory
from tests.domain.test_post_incident import opened
from tests.memory.samples import NONE_OF_IT, after, healed, receipt, record, secret_receipt


async def test_tells_the_story_with_the_journal(memory: SqlMemory) -> None:
    await memory.open_incident(record())
    await memory.begin_action("i1", receipt(), None)
    await memory.end_action("i1/0", receipt(done=True))
    await memory.begin_action("i1", secret_receipt("i1/1"), None)
    await memory.end_action("i1/1", None, "Forbidden: no")
    await memory.save_incident(healed())
    archived = await SqlArchive(memory).archived("i1")
    assert archived.record.outcome is Outcome.HEALED
    assert [(e.receipt.key, e.done, e.error) for e in archived.journal] == [
        ("i1/0", True, ""),
        ("i1/1", False, "Forbidden: no"),
    ]
    assert NONE_OF_IT not in archived.model_dump_json()
    with pytest.raises(TargetNotFound):
        await SqlArchive(memory).archived("nobody")


async def test_keeps_how_a_follow_up_stands(memory: SqlMemory) -> None:
    archive = SqlArchive(memory)
    late, soon = opened(), opened()
    late.incident_id = "late"
    for state in late.duties.values():
        state.due_at += timedelta(days=1)
    soon.summary = f"password={NONE_OF_IT}"
    for follow_up in (late, soon, soon):
        await archive.save_follow_up(follow_up)
    assert [r.incident_id for r in await archive.follow_ups()] == ["i1", "late"]
    kept = await archive.follow_up("i1")
    assert kept is not None
    assert NONE_OF_IT not in kept.model_dump_json()
    soon.done(Duty.REPORT, Done(by="ann"), after(3))
    soon.closed_at, soon.closed_by = after(4), "ann"
    await archive.save_follow_up(soon)
    assert [r.incident_id for r in await archive.follow_ups()] == ["late"]
    assert {r.incident_id for r in await archive.follow_ups(open_only=False)} == {"late", "i1"}
    assert await archive.follow_up("nobody") is None
