"""Group commit: nothing lost, nothing counted twice, order kept, the right answer to everyone."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suture.domain.errors import Unavailable
from suture.domain.report import Report, ReportBatch, ReportStatus
from suture.domain.target import Target
from suture.ingest.coalesce import CoalescingIncidents
from tests.ingest.recording import RecordingIncidents


def target(name: str = "web") -> Target:
    return Target(namespace="shop", kind="Deployment", name=name)


def batch(fingerprint: str, name: str = "web", status: ReportStatus = ReportStatus.FIRING) -> ReportBatch:
    report = Report(source="test", target=target(name), fingerprint=fingerprint, status=status)
    return ReportBatch(reports=[report])


async def test_the_first_goes_at_once_and_the_rest_as_one() -> None:
    inner = RecordingIncidents()
    inner.gate.clear()
    outer = CoalescingIncidents(inner)
    first = asyncio.create_task(outer.report(target(), batch("a")))
    await asyncio.sleep(0.01)
    rest = [asyncio.create_task(outer.report(target(), batch(f"r{n % 3}"))) for n in range(99)]
    await asyncio.sleep(0.01)
    assert not first.done()
    inner.gate.set()
    assert set(await asyncio.gather(first, *rest)) == {target().workflow_id}
    assert [len(b.reports) for _, b in inner.reported] == [1, 3]
    assert inner.counts == {"a": 1, "r0": 33, "r1": 33, "r2": 33}


async def test_targets_do_not_wait_for_each_other() -> None:
    inner = RecordingIncidents()
    inner.gate.clear()
    outer = CoalescingIncidents(inner)
    posts = [asyncio.create_task(outer.report(target(n), batch("a", n))) for n in "abcde"]
    await asyncio.sleep(0.01)
    inner.gate.set()
    await asyncio.gather(*posts)
    assert len(inner.reported) == 5


async def test_an_error_reaches_everyone_whose_report_was_in_it_and_no_one_else() -> None:
    inner = RecordingIncidents()
    inner.fails = lambda b: Unavailable("away") if len(b.reports) > 1 else None
    inner.gate.clear()
    outer = CoalescingIncidents(inner)
    first = asyncio.create_task(outer.report(target(), batch("a")))
    await asyncio.sleep(0.01)
    rest = [asyncio.create_task(outer.report(target(), batch(f"r{n}"))) for n in range(3)]
    await asyncio.sleep(0.01)
    inner.gate.set()
    results = await asyncio.gather(first, *rest, return_exceptions=True)
    assert results[0] == target().workflow_id
    assert [str(r) for r in results[1:]] == ["away"] * 3
    assert await outer.report(target(), batch("again")) == target().workflow_id


async def test_too_many_are_refused_and_the_limit_recovers() -> None:
    inner = RecordingIncidents()
    inner.gate.clear()
    outer = CoalescingIncidents(inner, max_waiting=3)
    posts = [asyncio.create_task(outer.report(target(), batch(f"{n}"))) for n in range(3)]
    await asyncio.sleep(0.01)
    with pytest.raises(Unavailable, match="busy"):
        await outer.report(target(), batch("4"))
    inner.gate.set()
    await asyncio.gather(*posts)
    await outer.report(target(), batch("5"))
    assert sorted(inner.counts) == ["0", "1", "2", "5"]


async def test_resolved_reports_start_nothing_unless_something_burns() -> None:
    inner = RecordingIncidents()
    inner.running = False
    outer = CoalescingIncidents(inner)
    assert await outer.resolved(target(), batch("a", status=ReportStatus.RESOLVED)) is False
    inner.gate.clear()
    held = asyncio.create_task(outer.resolved(target(), batch("a", status=ReportStatus.RESOLVED)))
    await asyncio.sleep(0.01)
    gone = asyncio.create_task(outer.resolved(target(), batch("b", status=ReportStatus.RESOLVED)))
    burns = asyncio.create_task(outer.report(target(), batch("c")))
    await asyncio.sleep(0.01)
    inner.gate.set()
    assert (await held, await gone, await burns) == (False, True, target().workflow_id)
    assert [r.fingerprint for r in inner.reports] == ["b", "c"]


async def test_the_end_of_the_loop_fails_who_still_waits() -> None:
    inner = RecordingIncidents()
    inner.gate.clear()
    outer = CoalescingIncidents(inner)
    posts = [asyncio.create_task(outer.report(target(), batch(f"{n}"))) for n in range(3)]
    await asyncio.sleep(0.01)
    for lane in list(outer._lanes):
        lane.cancel()
    await outer.close()
    results = await asyncio.gather(*posts, return_exceptions=True)
    assert {str(r) for r in results} == {"the gateway is stopping"}


@dataclass
class Step:
    """One caller: what it reports about whom, how long it waits before, and whether it goes away."""

    name: str
    alert: str
    pause: int
    leaves_after: int | None
    rpc_turns: int
    fails: bool


steps = st.builds(
    Step,
    name=st.sampled_from(["web", "cart"]),
    alert=st.sampled_from(["", "x", "y"]),
    pause=st.integers(0, 3),
    leaves_after=st.none() | st.integers(0, 6),
    rpc_turns=st.integers(0, 5),
    fails=st.booleans(),
)


class SlowIncidents(RecordingIncidents):
    """Every call takes some turns of the loop and may fail, as the script says."""

    def __init__(self, script: list[Step]) -> None:
        super().__init__()
        self.script = iter(script * 3)
        self.failed: list[ReportBatch] = []

    async def _pass(self, batch: ReportBatch) -> None:
        step = next(self.script)
        for _ in range(step.rpc_turns):
            await asyncio.sleep(0)
        if step.fails:
            self.failed.append(batch)
            raise Unavailable("away")


@settings(max_examples=400, deadline=None)
@given(st.lists(steps, min_size=1, max_size=25))
def test_any_order_of_things(script: list[Step]) -> None:
    asyncio.run(play(script))


async def play(script: list[Step]) -> None:
    inner = SlowIncidents(script)
    outer = CoalescingIncidents(inner)
    callers: list[tuple[str, str, asyncio.Task[str]]] = []
    for n, step in enumerate(script):
        fingerprint = step.alert or f"only-{n}"
        task = asyncio.create_task(outer.report(target(step.name), batch(fingerprint, step.name)))
        callers.append((step.name, fingerprint, task))
        for _ in range(step.pause):
            await asyncio.sleep(0)
        if step.leaves_after is not None:
            asyncio.get_running_loop().call_later(0, task.cancel)
    results = await asyncio.gather(*(task for _, _, task in callers), return_exceptions=True)
    await outer.close()
    check(inner, [(n, f, r) for (n, f, _), r in zip(callers, results, strict=True)])
    assert (outer._callers, outer._waiting, outer._lanes) == (0, {}, set())


def check(inner: SlowIncidents, told: list[tuple[str, str, object]]) -> None:
    sent: Counter[tuple[str, str]] = Counter()
    for where, one in inner.reported:
        sent.update({(where.name, r.fingerprint): r.count for r in one.reports})
    failed: Counter[tuple[str, str]] = Counter()
    for one in inner.failed:
        failed.update({(r.target.name, r.fingerprint): r.count for r in one.reports})
    kept = Counter((n, f) for n, f, r in told if isinstance(r, str))
    refused = Counter((n, f) for n, f, r in told if isinstance(r, Unavailable))
    everyone = Counter((n, f) for n, f, _ in told)
    assert kept <= sent  # who was told yes is there
    assert refused <= failed  # who was told no was in a call that failed
    assert sent + failed <= everyone  # nobody is there twice, in any call
    for name in ("web", "cart"):
        once = [
            r.fingerprint
            for t, b in inner.reported
            for r in b.reports
            if t.name == name and "only" in r.fingerprint
        ]
        assert once == sorted(once, key=lambda f: int(f[5:]))
