"""From the lab's fault scenarios to the faults of the training environment: what shows, and what mends it.

Nothing of a name, label or value is kept: a fault is its visible failure type, its severity, and the actions that mend it,
read off the scenario's own reference fix.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from lab.scenario import model
from models.policy.actions import PolicyAction, patched
from suture.domain.diagnosis import FailureType
from suture.domain.stages import Severity

SCENARIOS = Path(__file__).parents[2] / "lab" / "scenarios"
TEMPLATED = ("Deployment", "StatefulSet", "DaemonSet")  # workloads whose rollout can be undone

_SHOWS = (  # the first of these words in the symptom's expressions says what is visible
    ("ImagePull", FailureType.IMAGE_PULL),
    ("ErrImage", FailureType.IMAGE_PULL),
    ("OOMKilled", FailureType.OOM_KILLED),
    ("CrashLoop", FailureType.CRASH_LOOP),
    ("CreateContainerConfigError", FailureType.MISSING_REFERENCE),
    ("FailedMount", FailureType.MISSING_REFERENCE),
    ("pending(", FailureType.UNSCHEDULABLE),
    ("FailedScheduling", FailureType.UNSCHEDULABLE),
    ("FailedCreate", FailureType.FAILED_CREATE),
    ("deletionTimestamp", FailureType.STUCK_DELETING),
    ("suspend", FailureType.SUSPENDED),
    ("would_run", FailureType.JOB_FAILED),
    ("job_ok", FailureType.JOB_FAILED),
    ("HorizontalPodAutoscaler", FailureType.AUTOSCALER),
    ("PodDisruptionBudget", FailureType.DISRUPTION_BUDGET),
    ("reach(", FailureType.TRAFFIC),
    ("ingress(", FailureType.TRAFFIC),
    ("available(", FailureType.NOT_READY),
)


class Fault(BaseModel):
    """`mends` lists what is needed, each as the set of actions of which any one will do; all are needed."""

    model_config = ConfigDict(frozen=True)

    name: str
    family: str
    shows: FailureType
    severity: Severity
    mends: tuple[frozenset[PolicyAction], ...]


def load(folder: Path = SCENARIOS) -> list[Fault]:
    """The faults of a folder of scenarios; controls are left out."""
    scenarios = [model.load_scenario(f) for f in sorted(folder.glob("*.yaml"))]
    return [f for s in scenarios if not s.control and (f := _fault(s)).mends]


def _fault(scenario: model.Scenario) -> Fault:
    mends = dict.fromkeys(m for step in scenario.reference_fix for m in _mends(step, scenario))
    return Fault(
        name=scenario.name,
        family=scenario.family,
        shows=_shows(scenario),
        severity=Severity.parse(scenario.severity),
        mends=tuple(mends),
    )


def _shows(scenario: model.Scenario) -> FailureType:
    text = " ".join(scenario.symptom)
    return next((kind for word, kind in _SHOWS if word in text), FailureType.UNKNOWN)


def _mends(step: model.Step, scenario: model.Scenario) -> Iterator[frozenset[PolicyAction]]:
    lost = {ref for s in scenario.fault if isinstance(s, model.Delete) for ref in s.delete}
    if isinstance(step, model.Restore):
        yield from (_put_back(ref, ref in lost) for ref in step.restore)
    elif isinstance(step, model.Patch):
        yield from (_put_back(ref, lost=False) for ref in step.patch)
    elif isinstance(step, model.Delete):
        yield from (_taken_away(ref) for ref in step.delete)
    elif isinstance(step, model.DeletePods):
        yield frozenset({PolicyAction.FREE_POD if step.grace == 0 else PolicyAction.DELETE_POD})
    elif isinstance(step, model.Restart):
        yield frozenset({PolicyAction.RESTART_ROLLOUT})
    elif isinstance(step, model.Nodes | model.NodesOf):
        yield frozenset({PolicyAction.UNCORDON, PolicyAction.PATCH_NODE})
    elif isinstance(step, model.ZoneUp):
        yield frozenset({PolicyAction.CALL_PERSON})


def _put_back(ref: str, lost: bool) -> frozenset[PolicyAction]:
    kind = ref.split("/", maxsplit=1)[0]
    if lost:
        return frozenset({PolicyAction.RECREATE_OBJECT})
    again = {PolicyAction.UNDO_ROLLOUT} if kind in TEMPLATED else set()
    return frozenset({patched(kind), *again})


def _taken_away(ref: str) -> frozenset[PolicyAction]:
    kind = ref.split("/", maxsplit=1)[0]
    return frozenset({PolicyAction.DELETE_POD if kind == "Pod" else PolicyAction.REMOVE_CREATED})


def families(faults: Iterable[Fault]) -> list[str]:
    """The families that occur, sorted."""
    return sorted({f.family for f in faults})
