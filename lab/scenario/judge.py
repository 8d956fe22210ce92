"""From fault to verdict: inject, see the symptom, let somebody heal, and look at everything that changed."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import urllib3

from lab.cluster import LabError
from lab.kube import ApiError
from lab.scenario.audit import AuditLog, Mark
from lab.scenario.observer import Observer
from lab.scenario.staging import begin, end
from lab.scenario.steps import perform
from lab.scenario.trial import Trial, TrialFailed

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Terms:
    """Under which terms a trial is judged."""

    settle: float = 1
    """Seconds the application is healthy before the fault comes."""
    sustain: float = 0
    """Seconds it must stay healthy (a scenario may ask for more)."""
    timeout: float = 120
    """Seconds to heal."""
    observe: float = 5
    """Seconds in which a control must be left alone (unless it says otherwise)."""
    keep: bool = False
    """Leave the namespace in place."""
    apps: Path | None = None
    """Where to look for applications first."""


@dataclass
class Verdict:
    """The outcome of one trial."""

    name: str
    family: str
    control: bool
    ok: bool = False
    healed: bool = False
    heal_s: float | None = None
    took: float = 0.0
    collateral: list[str] = field(default_factory=list)
    writes: list[str] = field(default_factory=list)
    note: str = ""
    app: str = ""
    namespace: str = ""
    fault_at: datetime | None = None
    """When the fault began to be injected."""
    alert_at: datetime | None = None
    """When the alert was posted."""
    judged_at: datetime | None = None
    """When the verdict was clear; the namespace is removed after that."""


Healer = Callable[[Trial], None]
Tell = Callable[[Trial, str], None]
"""Hears which phase a trial enters; the last one is ENDED."""
SETS_UP, BREAKS, HEALS, WATCHES, CLEARS, ENDED = "set-up", "fault", "repair", "watch", "clean-up", "ended"


def _silent(_trial: Trial, _phase: str) -> None:
    """Nobody listens."""


def reference_fix(trial: Trial) -> None:
    """Heal as the scenario itself says: this validates the scenario."""
    for step in trial.scenario.reference_fix:
        perform(trial, step)


def judge(observer: Observer, file: Path, heal: Healer, terms: Terms, tell: Tell = _silent) -> Verdict:
    """One trial; whatever goes wrong ends up in the verdict."""
    began = time.monotonic()
    trial = Trial(observer, file, terms.apps)
    scenario = trial.scenario
    verdict = Verdict(scenario.name, scenario.family, scenario.control, app=scenario.app, namespace=trial.ns)
    try:
        tell(trial, SETS_UP)
        begin(trial, terms.settle)
        tell(trial, BREAKS)
        (_control if scenario.control else _fault)(trial, verdict, heal, terms, tell)
    except TrialFailed as problem:
        verdict.note = f"{problem} {trial.unmet or ''}".strip()
    except Exception as problem:  # a broken expression or a lost cluster fails this trial, not the whole run
        verdict.note = f"{type(problem).__name__}: {problem}"
    finally:
        verdict.took, verdict.judged_at = round(time.monotonic() - began, 1), datetime.now(UTC)
        tell(trial, CLEARS)
        if not terms.keep:
            _end(trial)
        tell(trial, ENDED)
    return verdict


def _end(trial: Trial) -> None:
    try:
        end(trial)
    except (ApiError, LabError, urllib3.exceptions.HTTPError) as problem:
        log.warning("%s: %s", trial.scenario.name, problem)


def _break(trial: Trial, verdict: Verdict) -> Mark:
    """Inject the fault; returns the place in the audit log from which on writes are the engine's answer."""
    mark = AuditLog(trial.cluster.home).mark()
    verdict.fault_at = datetime.now(UTC)
    for step in trial.scenario.fault:
        perform(trial, step)
    return mark


def _fault(trial: Trial, verdict: Verdict, heal: Healer, terms: Terms, tell: Tell) -> None:
    scenario, audit = trial.scenario, AuditLog(trial.cluster.home)
    mark = _break(trial, verdict)
    shown = trial.wait(scenario.symptom, scenario.symptom_limit) is not None
    trial.known |= trial.uids("Job")
    if not trial.untrue(scenario.healthy):
        if not audit.engine_writes(mark, trial.ns, trial.others()):
            raise TrialFailed("the oracle calls the fault healthy")
        verdict.note = "healed before the alert was due"
    elif not shown:
        raise TrialFailed("the symptom did not show:")
    broken = set(trial.differences())
    began = time.monotonic()
    tell(trial, HEALS)
    verdict.alert_at = datetime.now(UTC)
    heal(trial)
    since = trial.wait(scenario.healthy, terms.timeout, max(scenario.sustain, terms.sustain))
    verdict.writes = audit.engine_writes(mark, trial.ns, trial.others())
    verdict.healed = since is not None
    # of a fault that is still there, only what came on top of it was done by the engine
    verdict.collateral = [d for d in trial.differences() if verdict.healed or d not in broken]
    verdict.heal_s = round(max(0.0, since - began), 1) if since is not None else None
    verdict.ok = verdict.healed and not verdict.collateral
    verdict.note = verdict.note if verdict.healed else f"not true: {trial.unmet}"


def _control(trial: Trial, verdict: Verdict, heal: Healer, terms: Terms, tell: Tell) -> None:
    """Nothing is wrong here: whoever does something, from the change on, does too much."""
    scenario, audit = trial.scenario, AuditLog(trial.cluster.home)
    hold = max(scenario.sustain, terms.sustain)
    mark = _break(trial, verdict)
    if trial.wait(scenario.symptom, scenario.symptom_limit) is None:
        raise TrialFailed("the symptom did not show:")
    if trial.wait(scenario.healthy, 60, hold) is None:
        raise TrialFailed("the control is not healthy:")
    trial.take_baseline()
    tell(trial, WATCHES)
    verdict.alert_at = datetime.now(UTC)
    heal(trial)
    trial.observer.pause(terms.observe if scenario.observe is None else scenario.observe)
    verdict.healed = trial.wait(scenario.healthy, 60, hold) is not None
    verdict.writes = audit.engine_writes(mark, trial.ns, trial.others())
    verdict.collateral = trial.differences() + [f"engine: {write}" for write in verdict.writes]
    gone = trial.known - trial.uids("Pod", "Job")
    if gone and not scenario.hpa_scales:
        verdict.collateral.append(f"{len(gone)} pods or jobs removed")
    verdict.ok = verdict.healed and not verdict.collateral
    verdict.note = "" if verdict.healed else f"not true: {trial.unmet}"
