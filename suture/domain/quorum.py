"""Whose word counts for a question, and how many are still missing: quorum of different people, delegation, expiry."""

from __future__ import annotations

from suture.domain.decision import ApprovalRequest, Decision, Vote
from suture.domain.edits import edited

MAX_COMMENTS = 20  # of one question that it shows


def objection(request: ApprovalRequest, decision: Decision) -> str | None:
    """Why a word about this question cannot be taken; None when it can."""
    if decision.asked and decision.asked != request.asked:
        return f"that question is over: question {request.asked} is open now; look at it and decide again"
    if decision.plan_hash and decision.plan_hash != request.plan_hash:
        return f"the plan has changed since: it is {request.plan_hash} now; look at it and decide again"
    if decision.choice == "comment":
        return None if decision.reason.strip() else "a comment needs a text (reason)"
    if decision.choice == "delegate":
        return _undelegable(request, decision)
    if seat(request, decision.by) is None:
        return f"{decision.by} may not decide this: {who(request)}"
    if decision.choice == "approve":
        return _unapprovable(request, decision)
    return "edits only go with an approval" if decision.edits else None


def _undelegable(request: ApprovalRequest, decision: Decision) -> str | None:
    if not decision.to.strip():
        return "a delegation names somebody (to)"
    if _person(decision.to) == _person(decision.by):
        return "nobody can name themselves"
    if not _eligible(request, decision.by):
        return f"{decision.by} may not decide this, and cannot name another: {who(request)}"
    if request.needs.eligible and _eligible(request, decision.to):
        return f"{decision.to} may decide this anyway"
    return None


def _unapprovable(request: ApprovalRequest, decision: Decision) -> str | None:
    if decision.edits:
        try:
            edited(request.plan, decision.edits)
        except ValueError as e:
            return str(e)
        return None
    if any(_person(decision.by) == _person(name) for name in request.approvers):
        return f"{decision.by} has approved already: {missing(request)}"
    taken = {v.seat: v.by for v in request.votes if v.choice == "approve"}
    place = seat(request, decision.by) or ""
    return (
        f"{taken[place]} has approved in the place of {place}: {missing(request)}" if place in taken else None
    )


def seat(request: ApprovalRequest, by: str) -> str | None:
    """In whose place a person's approval counts: their own, or one that named them; None when they have no say."""
    if _eligible(request, by):
        return _person(by)
    named = [_person(d.by) for d in request.delegates if _person(d.to) == _person(by)]
    taken = {v.seat for v in request.votes if v.choice == "approve"}
    return next((place for place in named if place not in taken), named[0] if named else None)


def take(request: ApprovalRequest, vote: Vote) -> None:
    """Add a word to the question; `objection` was asked before."""
    if vote.choice == "comment":
        request.comments = [*request.comments, vote][-MAX_COMMENTS:]
    elif vote.choice == "delegate":
        request.delegates.append(vote)
    else:
        request.votes.append(vote)


def who(request: ApprovalRequest) -> str:
    """Whose word the question needs, for people."""
    needs = request.needs
    people = " and ".join([*([" or ".join(needs.roles)] if needs.roles else []), ", ".join(needs.eligible)])
    people = people.removesuffix(" and ") or "anybody"
    return f"it needs {needs.quorum} of: {people}" if needs.quorum > 1 else f"it needs {people}"


def missing(request: ApprovalRequest) -> str:
    """How far the quorum is, for people."""
    return f"{len(request.approvers)} of {request.needs.quorum} approvals"


def _eligible(request: ApprovalRequest, name: str) -> bool:
    return not request.needs.eligible or _person(name) in {_person(n) for n in request.needs.eligible}


def _person(name: str) -> str:
    """Two spellings of a name that differ in case or spaces are one person."""
    return " ".join(name.split()).casefold()
