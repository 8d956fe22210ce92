"""States that are somebody's wish, unless an alert complains: told with the change that would end them, for a person.

The ledger knows better when there was another wish before; these hypotheses are for when it does not.
"""

from __future__ import annotations

from collections.abc import Iterator

from suture.diagnosis.case import Case, expect_of
from suture.diagnosis.fields import mapping, number, text
from suture.diagnosis.witness import covered
from suture.domain.action import Patch
from suture.domain.diagnosis import FailureType, Hypothesis, Symptom
from suture.domain.plan import FieldEquals, Plan, WorkloadHealthy
from suture.domain.snapshot import Manifest

ORIGIN = "detector:wishes"
ASK, TELL = 0.4, 0.3


def hypotheses(case: Case) -> Iterator[Hypothesis]:
    for symptom in case.symptoms:
        match symptom.failure_type:
            case FailureType.SUSPENDED:
                yield _resume(case)
            case FailureType.DISRUPTION_BUDGET:
                yield _loosen(case, symptom.message)
            case FailureType.QUOTA:
                cause = f"{case.target} is used up: it must grow, or something must shrink"
                yield case.hypothesis(ORIGIN, FailureType.QUOTA, cause, TELL, [symptom.message])
            case FailureType.AUTOSCALER:
                cause = f"{case.target} cannot work: {symptom.reason}"
                yield case.hypothesis(ORIGIN, FailureType.AUTOSCALER, cause, TELL, [symptom.message])
            case FailureType.STUCK_DELETING:
                yield _let_go(case, symptom)


def _resume(case: Case) -> Hypothesis:
    plan = Plan(
        actions=[
            Patch(
                object=case.target, expect=expect_of(case.manifest), patch_type="merge",
                body={"spec": {"suspend": False}}, note=f"resume {case.target}",
            )
        ],
        checks=[FieldEquals(object=case.target, path="spec.suspend", value=False)],
    )  # fmt: skip
    why = ["an alert misses its runs", "nothing tells when and by whom it was suspended"]
    return case.hypothesis(ORIGIN, FailureType.SUSPENDED, f"{case.target} is suspended", ASK, why, plan)


def _let_go(case: Case, symptom: Symptom) -> Hypothesis:
    """A pod without its finalizers goes at once and is made anew; whether their work matters is for a person to say."""
    pod = case.snapshot.find(symptom.object)
    cause = f"{symptom.object} stopped, but a finalizer keeps it: {symptom.message}"
    if pod is None or not is_made_anew(pod):
        return case.hypothesis(ORIGIN, FailureType.STUCK_DELETING, cause, TELL)
    patch = Patch(
        object=symptom.object, expect=expect_of(pod), patch_type="merge",
        body={"metadata": {"finalizers": None}}, note=f"let {symptom.object} go",
    )  # fmt: skip
    plan = Plan(actions=[patch], checks=[WorkloadHealthy(object=case.target)])
    return case.hypothesis(
        ORIGIN, FailureType.STUCK_DELETING, cause, ASK, ["nobody has ended their work so far"], plan
    )


def is_made_anew(pod: Manifest) -> bool:
    """Whether a controller replaces the pod."""
    return any(o.get("controller") for o in pod["metadata"].get("ownerReferences") or ())


def _loosen(case: Case, said: str) -> Hypothesis:
    """One pod fewer than there are may always go, when there are at least two."""
    cause = f"{case.target} lets no pod be evicted"
    replicas = sum(n for _, n in covered(case.snapshot, case.manifest))
    field = "minAvailable" if "minAvailable" in mapping(case.manifest, "spec") else "maxUnavailable"
    if replicas < 2 or not text(case.manifest, "metadata.uid"):
        return case.hypothesis(
            ORIGIN, FailureType.DISRUPTION_BUDGET, cause, TELL, [said, "a single pod has no spare"]
        )
    value = replicas - 1 if field == "minAvailable" else max(1, number(case.manifest, f"spec.{field}"))
    patch = Patch(
        object=case.target, expect=expect_of(case.manifest), patch_type="merge",
        body={"spec": {field: value}}, note=f"set {field} of {case.target} to {value}",
    )  # fmt: skip
    plan = Plan(actions=[patch], checks=[FieldEquals(object=case.target, path=f"spec.{field}", value=value)])
    return case.hypothesis(ORIGIN, FailureType.DISRUPTION_BUDGET, cause, ASK, [said], plan)
