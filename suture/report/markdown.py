"""The report as Markdown: what happened, why, what was done about it, who allowed it, and what follows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from suture.domain.decision import Vote
from suture.domain.incident import Attempt, IncidentRecord, TimelineEntry
from suture.domain.stages import Outcome, Stage
from suture.ports import JournalEntry
from suture.report.facts import Facts, clock, differences, fenced, lasted, plain
from suture.report.follow_up import follow_up
from suture.report.proposals import proposals

_ENDS = {
    Outcome.HEALED: "The engine healed it.",
    Outcome.SELF_RESOLVED: "It went away without a change that was kept.",
    Outcome.ESCALATED: "It was handed to a person.",
    Outcome.FAILED: "It could not be healed.",
}
Lines = Iterator[str]


def to_markdown(facts: Facts, plot: str = "") -> str:
    """The whole report. `plot`: address of the picture of the time line, left out when empty."""
    r = facts.record
    parts = [
        _head(r),
        _impact(r),
        _timeline(r, plot),
        _evidence(r),
        _hypotheses(r),
        _changes(facts),
        _people(facts),
        _learned(r),
        _items(facts),
        follow_up(facts.follow_up),
    ]
    return "\n".join(line for part in parts for line in part).rstrip() + "\n"


def _head(r: IncidentRecord) -> Lines:
    yield f"# Incident report: {plain(str(r.target))}"
    yield ""
    yield "## Summary"
    yield ""
    yield plain(r.summary) or "No summary."
    yield ""
    yield f"**{_ENDS[r.outcome] if r.outcome else 'It is not over yet.'}**"
    yield ""
    t = r.timings
    rows = {
        "Incident": r.incident_id,
        "Workflow": r.workflow_id,
        "Target": f"{r.target} in {r.target.cluster}",
        "Severity": str(r.severity),
        "Failure": str(r.failure_type),
        "Route": str(r.route or "-"),
        "Outcome": str(r.outcome or "open"),
        "Began (UTC)": clock(t.started_at),
        "Ended (UTC)": clock(t.ended_at),
    }
    yield from _table(("", ""), [(name, plain(value)) for name, value in rows.items()])


def _impact(r: IncidentRecord) -> Lines:
    t = r.timings
    yield from _section("Impact")
    ended = t.healed_at or t.ended_at
    yield f"- In trouble for **{lasted((ended - t.started_at).total_seconds() if ended else None)}**"
    yield (
        f"- Detected after {lasted(t.seconds_to_detect)}, first change after {lasted(t.seconds_to_act)}, "
        + (f"healed after {lasted(t.seconds_to_heal)}")
    )
    yield f"- {r.report_count} report(s) of {plain(', '.join(dict.fromkeys(x.source for x in r.reports)) or 'nobody')}"
    for symptom in r.symptoms:
        yield f"- {plain(str(symptom.object))}: {plain(' '.join([str(symptom.failure_type), symptom.reason, symptom.message]))}"
    for symptom in r.elsewhere:
        yield f"- in trouble at the same time: {plain(str(symptom.object))} ({plain(str(symptom.failure_type))})"


def _timeline(r: IncidentRecord, plot: str) -> Lines:
    yield from _section("Timeline")
    if plot:
        yield f"![Stages, reports and changes on a time line]({plot})"
        yield ""
    spent = r.timings.stage_seconds
    yield from _table(("Stage", "Time spent"), [(str(s), lasted(spent.get(s))) for s in Stage])
    yield ""
    rows = [(clock(e.at), str(e.stage), plain(e.text)) for e in r.timeline]
    yield from _table(("UTC", "Stage", "What happened"), rows)


def _evidence(r: IncidentRecord) -> Lines:
    yield from _section("Evidence")
    if r.evidence:
        yield f"- what the cluster showed: evidence {plain(r.evidence)}"
    for x in r.reports:
        said = f"{x.source}: {x.reason} ({x.status}, {x.count} times) {x.summary}"
        yield f"- {plain(said)}"
    if not r.evidence and not r.reports:
        yield "None was kept."


def _hypotheses(r: IncidentRecord) -> Lines:
    yield from _section("Hypotheses, and why they were ranked so")
    ranked = [e for e in r.timeline if e.stage is Stage.CLASSIFY and "origin" in e.data]
    if not ranked:
        yield "No cause was suspected."
    for number, entry in enumerate(ranked, 1):
        yield from _hypothesis(number, entry)


def _hypothesis(number: int, entry: TimelineEntry) -> Lines:
    yield f"{number}. {plain(entry.text)} (by {plain(str(entry.data['origin']))})"
    for why in entry.data.get("why") or []:
        yield f"   - {plain(str(why))}"
    if entry.data.get("plan"):
        yield f"   - it would: {plain(str(entry.data['plan']))}"


def _changes(facts: Facts) -> Lines:
    yield from _section("Plans and changes")
    if not facts.record.attempts:
        yield "Nothing was tried, and nothing was changed."
    for number, attempt in enumerate(facts.record.attempts, 1):
        yield from _attempt(number, attempt)
    yield from _unnamed(facts)


def _attempt(number: int, a: Attempt) -> Lines:
    plan = a.verdict.plan if a.verdict and a.verdict.plan else a.hypothesis.plan
    yield f"### Attempt {number}: {plain(a.hypothesis.cause)}"
    yield ""
    yield f"- Plan: {plain(plan.describe()) if plan else 'none'}"
    if a.routing:
        yield f"- Route: {a.routing.route}, {a.routing.method}, score {a.routing.hybrid_score:.2f}: {plain(a.routing.reason)}"
    if a.verdict:
        yield f"- Verdict: {a.verdict.kind}: {plain('; '.join(a.verdict.reasons))}"
    verified = {True: "it helped", False: "it did not help", None: "not verified"}[a.verified]
    yield f"- Verification: {verified}{': ' + plain(a.result) if a.result else ''}"
    yield ""
    for receipt in a.receipts:
        yield f"**Changed** at {clock(receipt.done_at)}: {plain(receipt.action.describe())}"
        yield ""
        yield from _block(differences(receipt) or ["# nothing had to change"])
    for receipt in a.undone:
        yield f"**Undone** at {clock(receipt.done_at)}: {plain(receipt.action.describe())}"
        yield ""
        yield from _block(differences(receipt) or ["# nothing had to change"])


def _unnamed(facts: Facts) -> Lines:
    """What the journal knows beyond the attempts: an action that failed, or whose answer was lost."""
    named = {r.key for a in facts.record.attempts for r in [*a.receipts, *a.undone]}
    for change in facts.journal:
        if change.receipt.key not in named:
            yield f"- In the journal only: {plain(change.receipt.action.describe())}, {_state(change)}"


def _state(change: JournalEntry) -> str:
    if change.error:
        return f"failed: {plain(change.error)}"
    return "done" if change.done else "begun, and never confirmed"


def _people(facts: Facts) -> Lines:
    yield from _section("Approvals and notifications")
    rows = [_vote(v) for v in facts.record.votes]
    if rows:
        yield from _table(("UTC", "Who", "Said", "Why"), rows)
    else:
        yield "No person had to decide, or nobody did."
    called = [*facts.record.called, *_still_called(facts.record)]
    if called:
        yield ""
        yield from (f"- called: {plain(line)}" for line in called)
    told = [*facts.told, *(facts.follow_up.told if facts.follow_up else [])]
    if told:
        yield ""
        who = [(clock(t.at), t.level, plain(", ".join(t.who)), plain(t.text)) for t in told]
        yield from _table(("UTC", "Level", "Told", "What"), who)


def _still_called(r: IncidentRecord) -> list[str]:
    """Whom the last escalation called; earlier ones are in `called`."""
    told = r.escalation.told if r.escalation else []
    return [f"{t.title} at {clock(t.at)}: {t.result or 'under way'}" for t in told]


def _vote(v: Vote) -> tuple[str, ...]:
    words = [v.reason, *(f"changed {edit}" for edit in v.edits)]
    said = f"{v.choice} ({v.to})" if v.to else str(v.choice)
    place = f"{v.by} for {v.seat}" if v.seat and v.seat != v.by else v.by
    return clock(v.at), plain(place), plain(said), plain("; ".join(w for w in words if w))


def _learned(r: IncidentRecord) -> Lines:
    yield from _section("What was learned")
    held = [a for a in r.attempts if a.verified]
    wrong = [a for a in r.attempts if a.verified is False]
    for a in held:
        yield f"- This was the cause: {plain(a.hypothesis.cause)} (suspected with {a.hypothesis.confidence:.0%})"
    for a in wrong:
        yield f"- Ruled out: {plain(a.hypothesis.cause)} ({plain(a.result)})"
    if not held and not wrong:
        yield f"- Nothing was tried: {plain(r.summary)}"


def _items(facts: Facts) -> Lines:
    yield from _section("Proposed action items")
    proposed = proposals(facts.record)
    if not proposed:
        yield "None."
    for text, because in proposed:
        yield f"- {plain(text)}"
        yield f"  - because {plain(because)}"


def _section(title: str) -> Lines:
    yield ""
    yield f"## {title}"
    yield ""


def _block(lines: list[str]) -> Lines:
    yield from fenced(lines, "diff")
    yield ""


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> Lines:
    yield "| " + " | ".join(head) + " |"
    yield "|" + " --- |" * len(head)
    for row in rows:
        yield "| " + " | ".join(row) + " |"
