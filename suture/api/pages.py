"""The pages about incidents: what waits for whom, one incident's whole story, and the forms of those who decide."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from pydantic import ValidationError

from suture.access import People, Role, plain
from suture.api import forms
from suture.api.auth import needs
from suture.api.deciding import Deciding, may
from suture.api.errors import Refused
from suture.api.identity import Caller
from suture.api.preview import ActionPreview, Preview, changes
from suture.api.web import Pages, back_to, path
from suture.domain import quorum
from suture.domain.action import digest
from suture.domain.audit import Result
from suture.domain.decision import ApprovalRequest, Choice, Decision
from suture.domain.errors import Declined, SutureError
from suture.domain.incident import IncidentRecord, TimelineEntry
from suture.domain.listing import Seen, State, Wanted
from suture.domain.stages import Outcome, Stage
from suture.ports import Desk

Viewer = Annotated[Caller, Depends(needs(Role.VIEWER))]
STATES = [*State, *Outcome]


@dataclass(frozen=True)
class Answers:
    """What the caller may say now, and why not more."""

    approve: bool = False
    reject: bool = False
    edit: bool = False
    delegate: bool = False
    comment: bool = False
    acknowledge: bool = False
    unacknowledge: bool = False
    cancel: bool = False
    why_not: str = ""


@dataclass
class Part:
    """A run of entries of the timeline in one stage; `last` when the stage does not come again."""

    stage: Stage
    entries: list[TimelineEntry] = field(default_factory=list)
    last: bool = True


def routes(
    pages: Pages,
    desk: Desk,
    deciding: Deciding,
    people: People,
    preview: Preview | None,
    temporal: Callable[[str], str],
) -> APIRouter:
    """The router of /incidents. `temporal` gives an incident's address in Temporal's own interface."""
    router = APIRouter(prefix="/incidents", include_in_schema=False)

    @router.get("")
    async def incidents(
        request: Request, caller: Viewer, state: str = "all", namespace: str = ""
    ) -> Response:
        wanted, chosen = _wanted(state, namespace)
        listing = await desk.listing(wanted)
        waits = [line for line in listing.lines if line.approval]
        mine = [line for line in waits if line.approval and answers(caller, None, line.approval).approve]
        return pages.show(
            request,
            "incidents.html",
            listing=listing,
            wanted=wanted,
            chosen=chosen,
            states=STATES,
            mine=mine,
            others=[line for line in waits if line not in mine],
            running=[line for line in listing.lines if not line.approval and not line.outcome],
            ended=[line for line in listing.lines if line.outcome],
            stamp=digest(listing.model_dump_json(), caller.name, caller.role),
        )

    @router.get("/{incident}")
    async def incident(request: Request, caller: Viewer, incident: str) -> Response:
        seen = await desk.look(incident)
        asked = seen.record.approval
        return pages.show(
            request,
            "incident.html",
            record=seen.record,
            live=seen.live,
            asked=asked,
            previews=await previews(preview, asked),
            answers=answers(caller, seen, asked),
            why=reasons(seen.record) if asked else [],
            fields=forms.fields(asked.plan) if asked else [],
            who=quorum.who(asked) if asked else "",
            people=[p.name for p in people.all()],
            address=f"/incidents/{path(seen.record.incident_id)}",
            temporal=temporal(seen.record.workflow_id),
            timeline=timeline(seen.record.timeline),
            past=past(seen.record),
            changes=changes,
            stamp=digest(seen.record.model_dump_json(), str(seen.live), caller.name, caller.role),
        )

    @router.get("/{incident}/evidence")
    async def evidence(request: Request, _caller: Viewer, incident: str) -> Response:
        record = (await desk.look(incident)).record
        content = await desk.evidence(record)
        if content is None:
            raise Refused(404, "there is no evidence of this incident", "it may have been cleaned up")
        where = f"/incidents/{path(record.incident_id)}"
        return pages.show(request, "evidence.html", record=record, content=content, address=where)

    @router.post("/{incident}/decide")
    async def decide(request: Request, caller: Viewer, incident: str) -> Response:
        form = await forms.posted(request)
        record = (await desk.look(incident)).record
        where = f"/incidents/{path(record.incident_id)}"
        if not forms.genuine(request, caller, form):
            what = form.get("choice", "")[:32] or "decide"
            await deciding.note(caller, what, record.incident_id, Result.REFUSED, detail=forms.FORGED)
            raise Refused(403, "the form was refused", forms.FORGED)
        try:
            said = forms.decision(caller, form, record.approval)
            return back_to(where, f"{said.choice}: {await deciding.decide(caller, record, said)}")
        except Declined as e:
            return back_to(where, f"Refused: {e}", ok=False)

    return router


def _wanted(state: str, namespace: str) -> tuple[Wanted, str]:
    try:
        if state in list(Outcome):
            return Wanted(outcome=Outcome(state), namespace=namespace), state
        return Wanted(state=State(state), namespace=namespace.strip()), state
    except (ValueError, ValidationError):
        raise Refused(
            422, f"the state {state[:40]!r} is unknown", f"it is one of {', '.join(STATES)}"
        ) from None


async def previews(preview: Preview | None, asked: ApprovalRequest | None) -> list[ActionPreview]:
    """What the plan that waits would change; nothing where there is no cluster to ask."""
    if preview is None or asked is None:
        return []
    try:
        return await preview.of(asked.plan)
    except SutureError:
        return []


def answers(caller: Caller, seen: Seen | None, asked: ApprovalRequest | None) -> Answers:
    """What the caller may say about an incident as it stands."""

    def fits(choice: Choice, **more: str) -> bool:
        said = Decision(choice=choice, by=caller.name, **more)
        return asked is not None and may(caller, choice, asked) and quorum.objection(asked, said) is None

    live = seen is None or seen.live
    if not live:
        return Answers()
    approve = fits("approve")
    why = "" if asked is None or approve else _why_not(caller, asked)
    called = seen.record.escalation if seen else None
    held = called.acknowledged if called else None
    responds = called is not None and not called.over and may(caller, "acknowledge")
    return Answers(
        approve=approve,
        reject=fits("reject"),
        edit=approve or fits("reject"),
        delegate=fits("delegate", to="somebody else"),
        comment=may(caller, "comment"),
        acknowledge=responds and (held is None or plain(held.by) != plain(caller.name)),
        unacknowledge=responds and held is not None,
        cancel=may(caller, "cancel"),
        why_not=why,
    )


def _why_not(caller: Caller, asked: ApprovalRequest) -> str:
    if not may(caller, "approve", asked):
        return f"you are {caller.role}; it takes the role {Role.APPROVER}"
    return quorum.objection(asked, Decision(choice="approve", by=caller.name)) or ""


def reasons(record: IncidentRecord) -> list[str]:
    """Why the cause in question is suspected, as classify said last."""
    for entry in reversed(record.timeline):
        why = entry.data.get("why")
        if isinstance(why, list) and why:
            return [str(one) for one in why]
    return []


def timeline(entries: Sequence[TimelineEntry]) -> list[Part]:
    """The story by stages: a new part begins whenever the stage changes."""
    parts: list[Part] = []
    for entry in entries:
        if not parts or parts[-1].stage is not entry.stage:
            for earlier in parts:
                earlier.last = earlier.last and earlier.stage is not entry.stage
            parts.append(Part(entry.stage))
        parts[-1].entries.append(entry)
    return parts


def past(record: IncidentRecord) -> list[Stage]:
    """The stages that lie behind an incident."""
    if record.outcome:
        reached = {entry.stage for entry in record.timeline} | {Stage.MEMORIZE}
        return [stage for stage in Stage if stage in reached]
    order = list(Stage)
    return order[: order.index(record.stage)]
