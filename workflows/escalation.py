"""Calling people, level by level, while a question stands or after an incident has ended without help.

The ladder is climbed beside whatever waits: messages go out in the background, so that an answer takes effect at once however
slow a receiver is. Everything that matters is in the record; after a restart or a cut of the history it goes on where it was.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from temporalio.exceptions import ActivityError

from suture.domain.diagnosis import Health
from suture.domain.escalation import Escalation, Step, Told, next_step
from suture.domain.incident import MAX_CALLED, Phase
from suture.domain.notice import notice_of
from suture.domain.stages import Outcome
from workflows import steps, visibility
from workflows.failures import cause_of
from workflows.story import Story

FRESH = 10.0  # seconds for which a look counts: nobody is called about a target that was not looked at since
END = "end"  # the escalation of an incident that has ended


def begin(story: Story, name: str, first: str = "") -> None:
    """Start at the bottom of the ladder (or at the level `first`), or go on with the one of this name."""
    record, ladder = story.record, story.options.ladder
    if ladder is None or (record.escalation is not None and record.escalation.name == name):
        return
    if record.escalation is not None:
        _keep(story, record.escalation)
    record.escalation = Escalation(name=name, began=story.now, first=first)
    if ladder.mute and not record.called:
        story.note("calls go to nobody: the escalation file names no contacts")


def end(story: Story, why: str) -> None:
    """Nobody is called any more."""
    state = story.record.escalation
    if state is not None and not state.over:
        state.over = why
    hush(story)


def hush(story: Story) -> None:
    """Give up what is on its way: whoever acknowledges wants no more of it."""
    state = story.record.escalation
    if state is not None:
        _hear(story, state)
        for told in state.told:
            told.result = told.result or "given up: not needed any more"
    for handle in story.sending.values():
        handle.cancel()
    story.sending.clear()


def _keep(story: Story, past: Escalation) -> None:
    said = [f"{told.title} at {told.at:%H:%M} UTC: {told.result or 'under way'}" for told in past.told]
    story.record.called = [*story.record.called, *said][-MAX_CALLED:]


async def wait(story: Story, until: Callable[[], bool], deadline: datetime, summary: str) -> bool:
    """Wait as a story does, and call level after level meanwhile; False when the deadline has passed."""
    while True:
        climb(story)
        upcoming = due(story)
        wake = min(deadline, upcoming.at) if upcoming else deadline
        if (state := story.record.escalation) and state.acknowledged and not state.over:
            wake = min(wake, state.acknowledged.until)
        await sleep(story, until, wake, summary)
        if until():
            return True
        if story.now >= deadline or story.cornered:
            return False


async def sleep(story: Story, until: Callable[[], bool], wake: datetime, summary: str) -> None:
    """Until then, or until what the ladder depends upon has changed: a storm of reports does not."""
    before = _signature(story)
    seconds = max(0.0, (wake - story.now).total_seconds())
    await story.wait(lambda: until() or _signature(story) != before, seconds, summary)


def _signature(story: Story) -> tuple[Any, ...]:
    record, ladder = story.record, story.options.ladder
    if record.escalation is None or record.escalation.over or ladder is None:
        return ()
    came = sum(handle.done() for handle in story.sending.values())
    enough = record.report_count >= ladder.min_reports
    return record.escalation.acknowledged, record.severity, enough, came


def due(story: Story) -> Step | None:
    """The next call, whenever it is."""
    record, ladder = story.record, story.options.ladder
    if ladder is None or record.escalation is None:
        return None
    return next_step(ladder, record.escalation, record.severity, record.report_count, story.now)


def climb(story: Story) -> None:
    """Take every step whose time has come, and note what came of earlier ones."""
    state = story.record.escalation
    if state is None or state.over:
        return
    if state.acknowledged and story.now >= state.acknowledged.until:
        story.note(f"{state.acknowledged.by} has acknowledged, but it has not ended since: calls go on")
        state.resume(story.now)
    _hear(story, state)
    while (step := due(story)) is not None and step.at <= story.now:
        _call(story, state, step)
    for told in state.told:  # also what the history was cut in the middle of: the journal knows what was sent
        if not told.result and told.step(state.name) not in story.sending:
            _send(story, state, told)


def _call(story: Story, state: Escalation, step: Step) -> None:
    told = step.told
    state.told.append(told)
    if not told.contacts:
        told.result = "nobody to tell"
    if story.record.approval is not None:
        story.record.approval.level = told.level
    again = f" again (call {told.repeat + 1})" if told.repeat else ""
    story.note(f"calls {told.title}{again}", level=told.level, contacts=told.contacts)
    waits = state.name == END or len(state.told) > 1  # a question's first call adds nothing to the question
    if story.options.search_attributes and not told.repeat and waits:
        visibility.index(story.record, waiting_for=told.title)


def _send(story: Story, state: Escalation, told: Told) -> None:
    before = [
        f"{t.title} at {t.at:%H:%M} UTC: {t.result or 'under way'}" for t in state.told if t is not told
    ]
    notice = notice_of(story.record, told, [*story.record.called, *before][-MAX_CALLED:])
    key = told.step(state.name)
    story.sending[key] = steps.notify(notice, key, told.contacts)


def _hear(story: Story, state: Escalation) -> None:
    """What came of the messages that were under way."""
    for told in state.told:
        handle = story.sending.get(told.step(state.name))
        if told.result or handle is None or not handle.done():
            continue
        try:
            told.result = handle.result().describe()
        except ActivityError as e:
            told.result = f"could not be told: {cause_of(e)}"
        story.note(f"{told.title}: {told.result}")


async def follow(story: Story) -> bool:
    """After an end without help: call people until it is over. True when the incident must be begun anew."""
    record, ladder = story.record, story.options.ladder
    if ladder is None or record.over_at or record.outcome not in (Outcome.ESCALATED, Outcome.FAILED):
        return False
    if record.escalation is None or record.escalation.name != END:
        story.decision = None  # a word that came too late to matter before the end
        record.looked_at = story.now if record.blind else record.looked_at
        begin(story, END)
        if record.taken_by and record.escalation:
            record.escalation.acknowledge(record.taken_by, story.now, ladder.ack_lasts)
    record.phase = Phase.ESCALATED
    visibility.show(record)
    anew = await _until_over(story, ladder.look_every)
    if story.options.search_attributes:
        visibility.index(record)
    return anew


async def _until_over(story: Story, look_every: float) -> bool:
    record = story.record

    def told() -> bool:
        return record.resolved or story.decision is not None or story.cancelled

    look_at = story.now + timedelta(seconds=look_every)
    while not told():
        upcoming = due(story)
        if story.now >= look_at or (upcoming and upcoming.at <= story.now and not _fresh(story, look_every)):
            health = await _look(story)
            if health is Health.HEALTHY:
                record.cleared = True
                return _over(story, "the target is healthy again")
            if health is Health.UNHEALTHY and record.blind:
                _over(story, "the state can be read again: it is tried anew")
                return True
            record.looked_at = (
                story.now
            )  # also in vain: a cluster that is away keeps nobody from being called
            look_at = story.now + timedelta(seconds=look_every)
            continue
        climb(story)
        upcoming, state = due(story), record.escalation
        wakes = [look_at, *([upcoming.at] if upcoming else [])]
        wakes += [state.acknowledged.until] if state and state.acknowledged else []
        await sleep(story, told, min(wakes), _summary(story, upcoming))
    said, story.decision = story.decision, None
    closed = f"closed by {said.by}" if said else "the workflow was cancelled"
    return _over(story, "every alert is resolved" if record.resolved else closed)


def _summary(story: Story, upcoming: Step | None) -> str:
    state = story.record.escalation
    if state and state.acknowledged:
        return f"{state.acknowledged.by} is at work"
    return f"a person is needed; next call: {upcoming.level.title if upcoming else 'nobody is left'}"


def _fresh(story: Story, look_every: float) -> bool:
    seen = story.record.looked_at
    return seen is not None and (story.now - seen).total_seconds() < min(FRESH, look_every)


async def _look(story: Story) -> Health | None:
    """How the target is; None while nobody can see it."""
    try:
        return (await steps.detect(story, patience=steps.LOOK)).health
    except ActivityError:
        return None


def _over(story: Story, why: str) -> bool:
    record = story.record
    end(story, why)
    record.over_at, record.reports_at_end, record.phase = story.now, record.report_count, Phase.COOLDOWN
    story.note(f"nobody is called any more: {why}")
    return False
