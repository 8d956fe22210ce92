"""One incident for people: what happened, why, what was done about it and who allowed it."""

from __future__ import annotations

from collections.abc import Iterator

from suture.cli.output import clock, count, duration, heading
from suture.domain.decision import ApprovalRequest
from suture.domain.escalation import Escalation
from suture.domain.incident import Attempt, IncidentRecord, Phase

_SHOWN_WHYS = 6


def tell(record: IncidentRecord, link: str) -> None:
    """Print the whole story."""
    _head(record, link)
    if record.phase is Phase.WAITING_FOR_APPROVAL:
        _question(record)
    if record.escalation:
        _calls(record.escalation)
    for number, attempt in enumerate(record.attempts, 1):
        heading(f"Attempt {number}: {attempt.hypothesis.cause}")
        for line in _attempt(attempt):
            print(f"  {line}")
    heading("Reports")
    for r in record.reports:
        print(f"  {r.source}: {r.reason} ({r.status}, {count(r.count, 'time')}) {r.summary}".rstrip())
    heading("Timeline")
    for entry in record.timeline:
        print(f"  {clock(entry.at)}  {entry.stage:<9} {entry.text}")
        for why in entry.data.get("why", [])[:_SHOWN_WHYS]:
            print(f"{'':33}- {why}")


def _head(record: IncidentRecord, link: str) -> None:
    times = record.timings
    state = str(record.outcome) if record.outcome else f"{record.stage} ({record.phase})"
    rows = {
        "incident": record.incident_id,
        "target": f"{record.target} in {record.target.cluster}",
        "state": state,
        "summary": record.summary,
        "failure": f"{record.failure_type}, severity {record.severity}, {count(record.report_count, 'report')}",
        "route": str(record.route or "-"),
        "evidence": record.evidence or "-",
        "started": clock(times.started_at),
        "times": f"detect {duration(times.seconds_to_detect)}, act {duration(times.seconds_to_act)}, "
        f"heal {duration(times.seconds_to_heal)}",
        "workflow": f"{record.workflow_id}{'  ' + link if link else ''}",
    }
    for name, value in rows.items():
        if value:
            print(f"{name:<9} {value}")


def _question(record: IncidentRecord) -> None:
    request = record.approval
    if request is None:
        return
    heading("Waits for a person")
    print(f"  cause   {request.cause}")
    print(f"  plan    {request.plan.describe()}  (hash {request.plan_hash})")
    print(
        f"  risk    {request.plan.risk}, {'can be undone' if request.plan.reversible else 'CANNOT be undone'}"
    )
    print(f"  because {'; '.join(request.reasons)}")
    if request.edits:
        print(f"  changed {'; '.join(request.edits)}")
    for line in _voices(request):
        print(f"  {line}")
    if request.expires_at:
        print(f"  until   {clock(request.expires_at)}; then the answer is no")
    print(f"  answer  suture approve {record.incident_id} | suture reject {record.incident_id}")


def _calls(state: Escalation) -> None:
    """Who was called, and who has taken it on."""
    heading("Calls" + (f" (over: {state.over})" if state.over else ""))
    for told in state.told:
        again = f", call {told.repeat + 1}" if told.repeat else ""
        print(f"  {clock(told.at)}  {told.title}{again}: {told.result or 'under way'}")
    if state.acknowledged and not state.over:
        held = state.acknowledged
        print(f"  acknowledged by {held.by} at {clock(held.at)}, until {clock(held.until)}")
    elif not state.told:
        print("  nobody so far")


def _voices(request: ApprovalRequest) -> Iterator[str]:
    """Whose word it needs, and what was said so far."""
    needs = request.needs
    if needs.quorum > 1 or needs.roles or needs.eligible:
        names = f": {', '.join(needs.eligible)}" if needs.eligible else ""
        roles = f" of {' or '.join(needs.roles)}" if needs.roles else ""
        yield f"needs   {count(needs.quorum, 'approval')}{roles}{names}; {len(request.approvers)} so far"
    for said in sorted([*request.votes, *request.comments, *request.delegates], key=lambda v: v.number):
        to = f" to {said.to}" if said.to else ""
        because = f": {said.reason}" if said.reason else ""
        yield f"{said.choice:<7} {said.by}{to} at {clock(said.at)}{because}"


def _attempt(attempt: Attempt) -> Iterator[str]:
    hypothesis = attempt.hypothesis
    yield f"hypothesis {hypothesis.confidence:.0%} by {hypothesis.origin}: {'; '.join(hypothesis.why) or '-'}"
    if attempt.routing:
        yield f"route      {attempt.routing.route}, {attempt.routing.method}: {attempt.routing.reason}"
    if attempt.verdict:
        yield f"verdict    {attempt.verdict.kind}: {'; '.join(attempt.verdict.reasons)}"
    said = attempt.decision
    if said:
        because = f" ({said.reason})" if said.reason else ""
        yield f"decision   {said.choice} by {said.by} at {clock(said.at)}{because}"
    for receipt in attempt.receipts:
        yield f"action     {receipt.action.describe()}{'' if receipt.changed else ' (nothing to change)'}"
        for path, (before, after) in receipt.changes.items():
            yield f"           {path}: {before!r} -> {after!r}"
        yield f"receipt    {receipt.key} at {clock(receipt.done_at)}; {count(len(receipt.undo), 'step')} would undo it"
    for receipt in attempt.undone:
        yield f"undone     {receipt.action.describe()} at {clock(receipt.done_at)}"
    if attempt.verified is not None:
        yield f"verified   {'yes' if attempt.verified else 'no'}: {attempt.result}"
    elif attempt.result:
        yield f"result     {attempt.result}"
