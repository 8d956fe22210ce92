"""Is the newest revision of a workload to blame, and which earlier one would be good?

The evidence is what a person looks at: does an earlier revision still serve, does the new one serve
anywhere, did the trouble begin with the change, do pods of earlier revisions have the same trouble. Each
counts for or against with a fixed weight and is told in words.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from suture.diagnosis.case import Case, expect_of
from suture.diagnosis.fields import earliest, seconds_between
from suture.diagnosis.pods import revision_hash
from suture.diagnosis.stuck import stuck_pods
from suture.diagnosis.workload import Revision, revisions, tell_changes, template_changes
from suture.domain.action import Action, UndoRollout
from suture.domain.diagnosis import Symptom
from suture.domain.plan import Plan, WorkloadHealthy
from suture.domain.snapshot import dig

Changes = dict[str, tuple[Any, Any]]

PRIOR = 0.5
EARLIER_SERVES = 0.3
CURRENT_SERVES_TOO = -0.25
EARLIER_TROUBLED_TOO = -0.35
EARLIER_SERVES_NOWHERE = -0.25
SAME_BEFORE_RESTART = -0.35
SOON, LATE = 600.0, 3600.0
BEGAN_SOON, BEGAN_LATE, BEGAN_BEFORE = 0.1, -0.3, -0.3
CLOCK_SKEW = 5.0
PROVED_AFTER, WELL_WITH_IT = 5.0, -0.3
SHORT_LIVED = 60.0


@dataclass(frozen=True)
class Blame:
    """The current revision, the one to go back to, what differs, and how sure that this is the cause."""

    current: Revision
    earlier: Revision
    changes: Changes
    confidence: float
    why: list[str]


def blame(case: Case, about: Sequence[Symptom], fits: Callable[[Changes], bool] = bool) -> Blame | None:
    """The newest good earlier revision whose difference to the current one `fits` the symptoms; None without
    any.
    """
    known = revisions(case.snapshot, case.target)
    current = next((r for r in known if r.current), None)
    if current is None or dig(case.manifest, "spec.paused") is True:
        return None
    older = [r for r in known if r.number < current.number]
    candidates = [r for r in older if fits(template_changes(r.template, current.template))]
    if not candidates:
        return None
    earlier = max(candidates, key=lambda r: (r.ready > 0, not _short_lived(r, known), r.number))
    changes = template_changes(earlier.template, current.template)
    reasons = [
        (0.0, f"revision {current.number} changed {tell_changes(changes)}"),
        *_serving(current, earlier),
        *_restarted(current, earlier, older),
        *_shared_trouble(case, current, known, about),
        *_timing(current, earlier, about),
        *_proved(case, current, earlier, about),
    ]
    return Blame(current, earlier, changes, PRIOR + sum(w for w, _ in reasons), [text for _, text in reasons])


def _short_lived(revision: Revision, known: Sequence[Revision]) -> bool:
    """Replaced within a minute: probably a failed attempt itself."""
    after = min((r for r in known if r.number > revision.number), key=lambda r: r.number, default=None)
    lasted = seconds_between(revision.created, after.created) if after else None
    return lasted is not None and 0 <= lasted < SHORT_LIVED


Reason = tuple[float, str]


def _serving(current: Revision, earlier: Revision) -> list[Reason]:
    found: list[Reason] = []
    if earlier.ready:
        found.append((EARLIER_SERVES, f"revision {earlier.number} still has {earlier.ready} ready pods"))
    elif earlier.wanted:
        found.append(
            (
                EARLIER_SERVES_NOWHERE,
                f"none of the {earlier.wanted} pods of revision {earlier.number} is ready either",
            )
        )
    if current.ready:
        found.append((CURRENT_SERVES_TOO, f"{current.ready} pods of revision {current.number} are ready"))
    return found


def _restarted(current: Revision, earlier: Revision, older: Sequence[Revision]) -> list[Reason]:
    same = [
        r for r in older if r.number > earlier.number and not template_changes(r.template, current.template)
    ]
    if same and not earlier.ready:
        return [(SAME_BEFORE_RESTART, f"revision {same[0].number} ran the same template before a restart")]
    return []


def _shared_trouble(
    case: Case, current: Revision, known: Sequence[Revision], about: Sequence[Symptom]
) -> list[Reason]:
    """A StatefulSet's or a Deployment's pods of earlier revisions in the same trouble speak for a cause
    outside.
    """
    others = {r.hash for r in known if not r.current and r.hash} - {current.hash}
    pods = [case.snapshot.find(s.object) for s in about if s.object.kind == "Pod"]
    troubled = sum(revision_hash(p) in others for p in pods if p)
    return (
        [(EARLIER_TROUBLED_TOO, f"{troubled} pods of earlier revisions have the same trouble")]
        if troubled
        else []
    )


def _timing(current: Revision, earlier: Revision, about: Sequence[Symptom]) -> list[Reason]:
    rolled_back = (seconds_between(earlier.created, current.created) or 0.0) < 0
    delay = seconds_between(current.created, earliest(*(s.since for s in about)))
    if rolled_back or delay is None:  # a revision that was brought back keeps its old creation time
        return []
    if delay < -CLOCK_SKEW:
        return [(BEGAN_BEFORE, f"the trouble began {-delay:.0f} s before that change")]
    if delay <= SOON:
        return [(BEGAN_SOON, f"the trouble began {max(delay, 0):.0f} s after that change")]
    return [
        (BEGAN_LATE if delay > LATE else 0.0, f"the trouble began {delay / 60:.0f} min after that change")
    ]


def _proved(case: Case, current: Revision, earlier: Revision, about: Sequence[Symptom]) -> list[Reason]:
    """A revision with which the workload did well for a while needs another cause."""
    brought_back = (seconds_between(earlier.created, current.created) or 0.0) < 0
    began = earliest(*(s.since for s in about))
    if current.created is None or began is None or brought_back:
        return []
    well = sum(p.overlap(current.created, began) for p in case.past.health.get(case.target, ()))
    if well < PROVED_AFTER:
        return []
    return [(WELL_WITH_IT, f"it was healthy with revision {current.number} for {well:.0f} s")]


def undo_plan(case: Case, found: Blame) -> Plan:
    """Go back to the earlier revision, with what a StatefulSet needs for it."""
    number = found.earlier.number or None
    actions: list[Action] = [
        UndoRollout(object=case.target, expect=expect_of(case.manifest), to_revision=number),
        *stuck_pods(case.snapshot, case.target, number),
    ]
    return Plan(actions=actions, checks=[WorkloadHealthy(object=case.target)])
