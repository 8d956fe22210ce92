"""A workload at zero replicas that somebody misses: back to the last number that is known."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from suture.diagnosis.case import Case, expect_of
from suture.diagnosis.fields import annotation, number, text
from suture.diagnosis.referrers import autoscaler_of
from suture.domain.action import Scale
from suture.domain.diagnosis import FailureType, Hypothesis
from suture.domain.plan import Plan, WorkloadHealthy
from suture.domain.snapshot import dig

ORIGIN = "detector:scaled_to_zero"
KNOWN, GUESSED = 0.75, 0.55
MOST_REPLICAS = 10_000
_SCALED_DOWN = re.compile(r"Scaled down replica set (\S+) (?:from (\d+) to 0|to 0 from (\d+))")


def hypotheses(case: Case) -> Iterator[Hypothesis]:
    about = case.of(FailureType.SCALED_TO_ZERO)
    if not about:
        return
    count, source = last_count(case)
    plan = Plan(
        actions=[Scale(object=case.target, expect=expect_of(case.manifest), replicas=count)],
        checks=[WorkloadHealthy(object=case.target)],
    )
    why = [about[0].message, f"{count} replicas: {source or 'nothing tells how many it had'}"]
    cause = f"{case.target} was scaled to zero"
    yield case.hypothesis(ORIGIN, FailureType.SCALED_TO_ZERO, cause, KNOWN if source else GUESSED, why, plan)


def last_count(case: Case) -> tuple[int, str]:
    """The number of replicas before zero, and where it is known from (empty: one, as a guess)."""
    scaler = autoscaler_of(case.snapshot, case.target)
    floor = max(1, number(scaler, "spec.minReplicas", 1)) if scaler else 0
    known = [(n, s) for n, s in _sources(case) if n > 0]
    count, source = known[0] if known else (floor or 1, "")
    if scaler is not None and count <= floor:
        return min(floor, MOST_REPLICAS), "the minimum of its autoscaler"
    return min(count, MOST_REPLICAS), source


def _sources(case: Case) -> Iterator[tuple[int, str]]:
    current = {annotation(case.manifest, "deployment.kubernetes.io/revision")} - {""}
    sets = (
        [o for o in case.snapshot.owned_by(case.manifest) if o.get("kind") == "ReplicaSet"]
        if case.manifest
        else []
    )
    names = {
        text(o, "metadata.name")
        for o in sets
        if annotation(o, "deployment.kubernetes.io/revision") in current or not current
    }
    for event in reversed(case.snapshot.events_of(case.target)):
        said = _SCALED_DOWN.search(text(event, "message"))
        if said and said[1] in names:
            yield int((said[2] or said[3])[:6]), "an event tells that so many were there before"
    yield _last_applied(case), "the manifest that was last applied"
    for replica_set in sorted(sets, key=lambda o: text(o, "metadata.creationTimestamp"), reverse=True):
        shown = annotation(replica_set, "deployment.kubernetes.io/desired-replicas")
        yield (
            int(shown[:6]) if shown.isdecimal() else 0,
            f"replica set {text(replica_set, 'metadata.name')} remembers it",
        )


def _last_applied(case: Case) -> int:
    applied = annotation(case.manifest, "kubectl.kubernetes.io/last-applied-configuration")
    try:
        return number({"of": dig(json.loads(applied), "spec.replicas")}, "of") if applied else 0
    except (ValueError, RecursionError):
        return 0
