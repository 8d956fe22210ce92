"""What of an incident's story goes into which column: pure functions from domain types to rows."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from suture.domain.action import Action, Receipt
from suture.domain.decision import Routing, Verdict, Vote
from suture.domain.diagnosis import FailureType
from suture.domain.incident import Attempt, IncidentRecord
from suture.domain.redaction import redact_text
from suture.domain.stages import Outcome, Stage
from suture.memory.columns import pack
from suture.memory.redacting import clean
from suture.memory.tables import ActionState, AglDecision, IncidentType, Result, Status

Row = dict[str, Any]
_RESOLVED = (Outcome.HEALED, Outcome.SELF_RESOLVED)
_TYPES = (  # words in a report's reason, for what is not a Kubernetes failure
    ("drift", IncidentType.DATA_DRIFT),
    ("latency", IncidentType.LATENCY_SLO_BREACH),
    ("slo", IncidentType.LATENCY_SLO_BREACH),
    ("accuracy", IncidentType.PERF_DROP),
    ("perf", IncidentType.PERF_DROP),
    ("heartbeat", IncidentType.AGENT_DOWN),
    ("agent", IncidentType.AGENT_DOWN),
)


def incident_type(record: IncidentRecord) -> str:
    """An IncidentType if only the reports know what it is, else the failure type in capitals."""
    if record.failure_type is FailureType.UNKNOWN:
        reasons = " ".join(r.reason.lower() for r in record.reports)
        for word, name in _TYPES:
            if word in reasons:
                return name
    return record.failure_type.upper()


def status_of(record: IncidentRecord) -> Status:
    """The four-word status; `outcome` tells healed from self-resolved, and escalated from failed."""
    if record.outcome is not None:
        return Status.RESOLVED if record.outcome in _RESOLVED else Status.FAILED
    return Status.MITIGATING if any(a.receipts for a in record.attempts) else Status.OPEN


def measured(record: IncidentRecord, stage: Stage) -> Row:
    """The numbers and flags that a stage noted in the timeline; the latest of each name."""
    notes = (entry.data for entry in record.timeline if entry.stage is stage)
    return {k: v for data in notes for k, v in data.items() if isinstance(v, int | float)}


def incident_row(record: IncidentRecord, now: datetime) -> Row:
    """The row of `incidents`."""
    target, timings = record.target, record.timings
    routing = _last_routing(record)
    resolved = status_of(record) is Status.RESOLVED
    return {
        "incident_id": record.incident_id,
        "type": incident_type(record),
        "detected_at": timings.detected_at or timings.started_at,
        "resolved_at": (timings.healed_at or timings.ended_at) if resolved else None,
        "status": status_of(record),
        "metrics_snapshot": clean({"reports": record.report_count, **measured(record, Stage.DETECT)}),
        "mttr_seconds": timings.seconds_to_heal if resolved else None,
        "workflow_id": record.workflow_id,
        **target.model_dump(),
        "severity": record.severity.value,
        "failure_type": record.failure_type.value,
        "outcome": record.outcome.value if record.outcome else None,
        "route": _route(record, routing),
        "hybrid_score": routing.hybrid_score if routing else None,
        "method": routing.method.value if routing else None,
        "summary": redact_text(record.summary),
        "report_count": record.report_count,
        "attempts": len(record.attempts),
        "executed": any(r.done_at for a in record.attempts for r in a.receipts),
        "seconds_to_detect": timings.seconds_to_detect,
        "seconds_to_act": timings.seconds_to_act,
        "seconds_to_heal": timings.seconds_to_heal,
        **_approval(record),
        "record": pack(record_json(record)),
        "updated_at": now,
    }


def record_json(record: IncidentRecord) -> Any:
    """The whole record as JSON without secrets; its identities stay as they are."""
    receipts = [r for a in record.attempts for r in [*a.receipts, *a.undone]]
    keep = {record.incident_id, record.workflow_id, record.evidence or "", *(r.key for r in receipts)}
    return clean(record.model_dump(mode="json"), frozenset(keep))


def _last_routing(record: IncidentRecord) -> Routing | None:
    return next((a.routing for a in reversed(record.attempts) if a.routing), None)


def _route(record: IncidentRecord, routing: Routing | None) -> str | None:
    route = record.route or (routing.route if routing else None)
    return route.value if route else None


def _approval(record: IncidentRecord) -> Row:
    said = next((a for a in reversed(record.attempts) if a.decision and a.decision.choice == "approve"), None)
    if said is None or said.decision is None:
        return {"approved_by": None, "approval_reason": None, "approved_at": None}
    d = said.decision
    return {
        "approved_by": redact_text(", ".join(record.approvers(said))),
        "approval_reason": redact_text(d.reason),
        "approved_at": d.at or said.started_at,
    }


def receipt_json(receipt: Receipt) -> Any:
    """The receipt as JSON without secrets."""
    return clean(receipt.model_dump(mode="json"), frozenset((receipt.key,)))


def action_json(action: Action) -> Any:
    return clean(action.model_dump(mode="json"))


def prepared_row(incident_id: str, receipt: Receipt, verdict: Verdict | None) -> Row:
    """The row of `healing_actions` before anything changes (the receipt itself is added by the store)."""
    action = action_json(receipt.action)
    return {
        "action_id": receipt.key,
        "incident_id": incident_id,
        "proposed_action": action,
        "agl_decision": AglDecision[verdict.kind.name] if verdict else None,
        "approved_action": action,
        "executed_at": None,
        "result": None,
        "created_at": receipt.prepared_at,
        "state": ActionState.PREPARED,
        "error": "",
        "undone": False,
    }


def config_row(incident_id: str, receipt: Receipt, now: datetime) -> Row:
    """The row of `config_history` for a change that was carried out."""
    return {
        "config_id": receipt.key,
        "changed_by": "suture",
        "changes": receipt_json(receipt)["changes"],
        "reason": redact_text(receipt.action.describe()),
        "incident_id": incident_id,
        "created_at": receipt.done_at or now,
        "target": str(receipt.action.object),
    }


def proposed_for(attempt: Attempt, action: Action) -> Action:
    """What the hypothesis wanted of the object before policy narrowed it."""
    wanted = attempt.hypothesis.plan.actions if attempt.hypothesis.plan else []
    same = [a for a in wanted if a.object == action.object]
    return next((a for a in same if a.kind == action.kind), same[0] if same else action)


def refused_rows(record: IncidentRecord) -> list[Row]:
    """Rows of `healing_actions` for what was proposed and never prepared: denied, or rejected by a person."""
    rows = []
    for i, attempt in enumerate(record.attempts):
        plan, verdict = attempt.hypothesis.plan, attempt.verdict
        if plan and verdict and attempt.ended_at and not attempt.receipts:
            why = attempt.result or "; ".join(verdict.reasons)
            same = {
                "incident_id": record.incident_id,
                "created_at": attempt.started_at,
                "error": redact_text(why),
            }
            for j, action in enumerate(plan.actions):
                rows.append(_refused(f"{record.incident_id}#refused/{i}/{j}", verdict, action) | same)
    return rows


def _refused(key: str, verdict: Verdict, action: Action) -> Row:
    return {
        "action_id": key,
        "proposed_action": action_json(action),
        "agl_decision": AglDecision[verdict.kind.name],
        "approved_action": None,
        "executed_at": None,
        "result": None,
        "receipt": None,
        "vault": None,
        "state": ActionState.REFUSED,
        "undone": False,
    }


def was_undone(attempt: Attempt, receipt: Receipt) -> bool:
    """Whether one of the attempt's undo receipts carries out what this receipt names as its inverse."""
    inverse = [_bare(a) for a in receipt.undo]
    return any(_bare(u.action) in inverse for u in attempt.undone)


def _bare(action: Action) -> Row:
    return action.model_dump(mode="json", exclude={"expect"})


def approval_rows(record: IncidentRecord) -> list[Row]:
    """Rows of `approvals`, one for each thing a person said."""
    return [_word(record.incident_id, vote) for vote in record.votes or _decisions(record)]


def _decisions(record: IncidentRecord) -> list[Vote]:
    """What was decided, in stories that were told without single votes."""
    said = [(a, a.decision) for a in record.attempts if a.decision]
    return [
        Vote(
            number=number,
            at=d.at or a.started_at,
            plan_hash=d.plan_hash or (a.hypothesis.plan.hash if a.hypothesis.plan else ""),
            **{name: getattr(d, name) for name in ("choice", "by", "reason", "to")},
        )
        for number, (a, d) in enumerate(said, 1)
    ]


def _word(incident_id: str, vote: Vote) -> Row:
    return {
        "incident_id": incident_id,
        "number": vote.number,
        "plan_hash": vote.plan_hash,
        "choice": vote.choice,
        "decided_by": redact_text(vote.by),
        "reason": redact_text(vote.reason),
        "decided_at": vote.at,
        "asked": vote.asked,
        "seat": redact_text(vote.seat),
        "named": redact_text(vote.to),
        "edits": clean(vote.edits) if vote.edits else None,
    }


def memory_row(record: IncidentRecord, now: datetime) -> Row | None:
    """The row of `memory_chunks` of a finished incident."""
    if record.outcome is None:
        return None
    done = [
        r.action.describe()
        for a in record.attempts
        if a.verified is not False
        for r in a.receipts
        if r.done_at
    ]
    healthy = record.outcome in _RESOLVED
    return {
        "memory_id": record.incident_id,
        "incident_type": incident_type(record),
        "incident_summary": redact_text(record.summary or f"{record.failure_type.value} of {record.target}"),
        "action_taken": redact_text("; then ".join(done)) if done else "none",
        "outcome": record.outcome.value,
        "metrics_before": clean({"healthy": False, **measured(record, Stage.DETECT)}),
        "metrics_after": clean({"healthy": healthy, **measured(record, Stage.VERIFY)}),
        "mttr_seconds": record.timings.seconds_to_heal if healthy else None,
        "created_at": record.timings.ended_at or now,
    }


def result_of(receipt: Receipt | None, error: str) -> tuple[ActionState, Result]:
    done = receipt is not None and not error
    return (ActionState.DONE, Result.SUCCESS) if done else (ActionState.FAILED, Result.FAIL)
