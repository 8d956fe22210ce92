"""The memory's promises: writes may be repeated, and a crash between two of them loses nothing."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from suture.domain.decision import Verdict, VerdictKind, Vote
from suture.domain.errors import Invalid, Irreversible
from suture.domain.plan import Plan
from suture.memory import queries
from suture.memory.database import parse_url
from suture.memory.statements import table_of
from suture.memory.store import SqlMemory
from suture.memory.tables import (
    ActionState,
    AglDecision,
    Base,
    ConfigChange,
    Incident,
    MemoryChunk,
    Result,
    Status,
)
from suture.sealing import Sealer
from tests.memory.samples import (
    after,
    attempt,
    healed,
    receipt,
    record,
    scale,
    secret_receipt,
)

APPROVED = Verdict(kind=VerdictKind.APPROVED)


async def rows(memory: SqlMemory, model: type[Base]) -> list[Any]:
    async def ask(connection: Any) -> list[Any]:
        return list((await connection.execute(select(table_of(model)))).all())

    return await memory.database.read(ask)


async def test_every_write_may_be_repeated(memory: SqlMemory) -> None:
    for _ in range(2):
        await memory.open_incident(record())
        evidence = await memory.put_evidence("i1", "events", {"n": 1})
        begun = await memory.begin_action("i1", receipt(), APPROVED)
        assert begun.model_copy(update={"done_at": None}) == receipt()
        await memory.end_action("i1/0", receipt(done=True))
        await memory.save_incident(healed())
    story = await queries.incident(memory, "i1")
    assert [a.action_id for a in story.actions] == ["i1/0"]
    assert [e.id for e in story.evidence] == [evidence]
    assert len(story.approvals) == len(story.changes) == 1
    assert len(await rows(memory, MemoryChunk)) == 1


async def test_the_first_receipt_of_a_key_wins(memory: SqlMemory) -> None:
    await memory.open_incident(record())
    await memory.begin_action("i1", receipt(replicas=3), APPROVED)
    assert await memory.begin_action("i1", receipt(replicas=9), APPROVED) == receipt(replicas=3)


async def test_a_crash_between_begin_and_end_leaves_the_prepared_receipt(url: str) -> None:
    code = f"""
import asyncio, os
from suture.memory.store import SqlMemory
from tests.memory.samples import receipt, record
async def main():
    memory = await SqlMemory.connect({url!r})
    await memory.open_incident(record())
    await memory.begin_action("i1", receipt(), None)
    os._exit(9)
asyncio.run(main())
"""
    done = await asyncio.to_thread(subprocess.run, [sys.executable, "-c", code], check=False)
    assert done.returncode == 9
    async with await SqlMemory.connect(url) as memory:
        entry = await memory.journal("i1/0")
        assert entry is not None
        assert (entry.receipt, entry.done, entry.error) == (receipt(), False, "")
        assert (await queries.incident(memory, "i1")).incident.status is Status.MITIGATING


async def test_two_processes_that_write_the_same_agree(url: str) -> None:
    code = f"""
import asyncio
from suture.memory.store import SqlMemory
from tests.memory.samples import healed, receipt, record
async def main():
    async with await SqlMemory.connect({url!r}) as memory:
        async def one(i):
            await memory.open_incident(record(f"i{{i}}"))
            await memory.put_evidence(f"i{{i}}", "x", list(range(50)))
            await memory.begin_action(f"i{{i}}", receipt(f"i{{i}}/0"), None)
            await memory.end_action(f"i{{i}}/0", receipt(f"i{{i}}/0", done=True))
            await memory.save_incident(healed(f"i{{i}}"))
        await asyncio.gather(*(one(i) for i in range(40)))
asyncio.run(main())
"""
    both = [await asyncio.create_subprocess_exec(sys.executable, "-c", code) for _ in range(2)]
    assert [await p.wait() for p in both] == [0, 0]
    async with await SqlMemory.connect(url) as memory:
        assert (await queries.stats(memory)).executed == 40
        assert len(await rows(memory, ConfigChange)) == 40


async def test_the_journal_knows_what_was_done_and_what_failed(memory: SqlMemory) -> None:
    assert await memory.journal("nothing") is None
    await memory.open_incident(record())
    for key in ("good", "bad"):
        await memory.begin_action("i1", receipt(key), None)
    await memory.end_action("good", receipt("good", done=True))
    await memory.end_action("bad", None, "the server refused password=hunter2")
    good, bad = await memory.journal("good"), await memory.journal("bad")
    assert good is not None and good.done and good.receipt.done_at == after(21)
    assert bad is not None and not bad.done and bad.error == "the server refused password=[redacted]"
    await memory.end_action("good", None, "a late error")
    assert await memory.journal("good") == good


async def test_an_action_needs_its_incident_and_an_end_its_beginning(memory: SqlMemory) -> None:
    with pytest.raises(Invalid, match=r"healing_actions|foreign|refuses|FOREIGN"):
        await memory.begin_action("i1", receipt(), None)
    with pytest.raises(Invalid, match="no action was begun"):
        await memory.end_action("i1/0", receipt(done=True))


async def test_the_columns_tell_the_story(memory: SqlMemory) -> None:
    await memory.open_incident(record())
    (row,) = await rows(memory, Incident)
    assert (row.status, row.outcome, row.mttr_seconds) == (Status.OPEN, None, None)
    await memory.begin_action("i1", receipt(), APPROVED)
    await memory.end_action("i1/0", receipt(done=True))
    await memory.save_incident(healed())
    (row,) = await rows(memory, Incident)
    assert (row.type, row.status, row.mttr_seconds) == ("SCALED_TO_ZERO", Status.RESOLVED, 42.0)
    assert (row.detected_at, row.resolved_at) == (after(5), after(42))
    assert (row.route, row.method, row.hybrid_score) == ("hybrid", "execute", 0.98)
    assert (row.approved_by, row.approved_at) == ("ada", after(15))
    assert row.metrics_snapshot == {"reports": 1, "ready": 0}
    (chunk,) = await rows(memory, MemoryChunk)
    assert chunk.action_taken == "scale Deployment/shop/web to 3"
    assert chunk.metrics_before == {"healthy": False, "ready": 0}
    assert chunk.metrics_after == {"healthy": True, "ready": 3}
    (config,) = await rows(memory, ConfigChange)
    assert config.changed_by == "suture, approved by ada"
    assert config.changes == {"spec.replicas": [0, 3]}


async def test_a_late_repetition_does_not_reopen_a_finished_incident(memory: SqlMemory) -> None:
    await memory.save_incident(healed())
    await memory.save_incident(record())
    await memory.open_incident(record())
    assert (await queries.incident(memory, "i1")).record == healed()


async def test_what_policy_denied_is_kept_as_a_refused_action(memory: SqlMemory) -> None:
    story = record()
    denied = attempt(verdict=VerdictKind.DENIED)
    denied.receipts, denied.verified, denied.result = [], None, "frozen until Monday"
    story.attempts = [denied]
    await memory.save_incident(story)
    (action,) = (await queries.incident(memory, "i1")).actions
    assert (action.agl_decision, action.state) == (AglDecision.DENIED, ActionState.REFUSED)
    assert (action.approved_action, action.result, action.error) == (None, None, "frozen until Monday")


async def test_a_narrowed_and_undone_action_shows_both(memory: SqlMemory) -> None:
    await memory.open_incident(record())
    modified = Verdict(kind=VerdictKind.MODIFIED, plan=Plan(actions=[scale(2)]))
    await memory.begin_action("i1", receipt(replicas=2), modified)
    await memory.end_action("i1/0", receipt(replicas=2, done=True))
    undo = receipt("i1/0/undo", replicas=0, done=True)
    await memory.begin_action("i1", undo, None)
    await memory.end_action(undo.key, undo)
    story = record()
    tried = attempt(verdict=VerdictKind.MODIFIED)
    tried.receipts, tried.undone, tried.verified = [receipt(replicas=2, done=True)], [undo], False
    story.attempts = [tried]
    await memory.save_incident(story)
    found = await queries.incident(memory, "i1")
    first, second = sorted(found.actions, key=lambda a: a.action_id)
    assert (first.agl_decision, first.undone, first.result) == (AglDecision.MODIFIED, True, Result.SUCCESS)
    assert first.proposed_action["replicas"] == 3
    assert first.approved_action is not None and first.approved_action["replicas"] == 2
    assert (second.agl_decision, second.undone) == (None, False)
    assert [c.config_id for c in found.changes] == ["i1/0", "i1/0/undo"]


async def test_big_evidence_comes_back_and_is_small_on_disk(memory: SqlMemory) -> None:
    content = {"lines": [f"line {i % 97} of a long log" for i in range(10_000)], "odd": "a\0b \ud800"}
    identity = await memory.put_evidence("i1", "logs", content)
    found = await memory.get_evidence(identity)
    assert found is not None and found["lines"] == content["lines"]
    assert await memory.put_evidence("i1", "logs", content) == identity
    assert await memory.put_evidence("i2", "logs", content) != identity
    assert await memory.get_evidence("nothing") is None
    assert await memory.prune(datetime.now(UTC) + timedelta(minutes=1)) == 2
    assert await memory.get_evidence(identity) is None


async def test_a_receipt_with_a_secret_comes_back_whole_only_with_the_key(url: str, sealer: Sealer) -> None:
    async with await SqlMemory.connect(url, sealer) as memory:
        await memory.open_incident(record())
        for _ in range(2):
            assert await memory.begin_action("i1", secret_receipt(), None) == secret_receipt()
    async with await SqlMemory.connect(url) as memory:
        with pytest.raises(Irreversible, match="without its secret values"):
            await memory.begin_action("i1", secret_receipt(), None)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("mysql://root:pass-3@db/x", "not supported"),
        ("sqlite://", "forgets"),
        ("postgresql+asyncpg://u:pass-3@db/x", "not supported"),
        ("pass-3", "cannot be read"),
        ("postgresql://u:pass-3@db:port/x", "cannot be read"),
    ],
)
def test_a_bad_url_is_explained_without_its_password(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason) as raised:
        parse_url(text)
    assert "pass-3" not in str(raised.value)


async def test_every_word_of_every_person_is_kept(memory: SqlMemory) -> None:
    story, said = healed(), "I am sure: password=hunter2"
    words: list[dict[str, Any]] = [
        {"choice": "comment", "by": "eve", "reason": said},
        {"choice": "comment", "by": "eve", "reason": "again"},
        {"choice": "delegate", "by": "ann", "to": "eve"},
        {"choice": "approve", "by": "eve", "seat": "ann", "asked": 1, "plan_hash": "h"},
        {"choice": "approve", "by": "ada", "asked": 2, "edits": ["actions.0.replicas = 3"]},
    ]
    story.votes = [Vote.model_validate({"number": n, "at": after(n), **w}) for n, w in enumerate(words, 1)]
    for _ in range(2):
        await memory.save_incident(story)
    found = (await queries.incident(memory, "i1")).approvals
    assert [(a.choice, a.decided_by, a.seat, a.named, a.asked) for a in found] == [
        ("comment", "eve", "", "", 0),
        ("comment", "eve", "", "", 0),
        ("delegate", "ann", "", "eve", 0),
        ("approve", "eve", "ann", "", 1),
        ("approve", "ada", "", "", 2),
    ]
    assert found[0].reason == "I am sure: password=[redacted]"
    assert found[4].edits == ["actions.0.replicas = 3"]
