"""The judge at work on a real cluster: what heals passes, what meddles does not."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from lab.cluster import LabCluster
from lab.kube import Kube
from lab.objects import Obj
from lab.scenario import alert
from lab.scenario.judge import BREAKS, Terms, judge, reference_fix
from lab.scenario.observer import Observer
from lab.scenario.run import OWN
from lab.scenario.trial import Trial

pytestmark = [pytest.mark.cluster, pytest.mark.slow]
TERMS = Terms(settle=0.5, timeout=20, observe=1)


@pytest.fixture(scope="module")
def observer(lab_cluster: LabCluster) -> Iterator[Observer]:
    observer = Observer(lab_cluster)
    observer.start()
    yield observer
    observer.stop()


def test_the_reference_fix_heals(observer: Observer) -> None:
    verdict = judge(observer, OWN / "mistyped-image.yaml", reference_fix, TERMS)
    assert verdict.ok, verdict
    assert verdict.heal_s is not None


def test_a_fix_that_breaks_something_else_is_no_success(observer: Observer) -> None:
    def clumsy(trial: Trial) -> None:
        reference_fix(trial)
        trial.kube.delete("PodDisruptionBudget", trial.ns, "orders")

    verdict = judge(observer, OWN / "mistyped-image.yaml", clumsy, TERMS)
    assert (verdict.healed, verdict.ok) == (True, False)
    assert verdict.collateral == ["PodDisruptionBudget/orders deleted"]


def test_doing_nothing_does_not_heal(observer: Observer) -> None:
    seen: list[Obj] = []

    def idle(trial: Trial) -> None:
        seen.append(alert.payload(trial) or {})

    verdict = judge(observer, OWN / "scaled-to-nothing.yaml", idle, Terms(settle=0.5, timeout=2))
    assert (verdict.healed, verdict.ok) == (False, False)
    assert "healthy()" in verdict.note
    assert seen[0]["alerts"][0]["labels"]["namespace"].startswith("bookstore-")


def test_who_heals_before_the_alert_has_healed(
    observer: Observer, lab_cluster: LabCluster, tmp_path: Path
) -> None:
    """The symptom never shows when somebody is faster than it."""
    scenario = yaml.safe_load((OWN / "scaled-to-nothing.yaml").read_text())
    back = {"patch": "Deployment/billing", "merge": {"spec": {"replicas": 2}}}
    scenario |= {"fault": [*scenario["fault"][:1], back], "symptom": ["False"], "symptom_limit": 1}
    file = tmp_path / "scenarios" / "case.yaml"
    file.parent.mkdir()
    file.write_text(yaml.safe_dump(scenario))
    engine = Kube(lab_cluster.engine_kubeconfig, "suture")

    def also_by_the_engine(trial: Trial, phase: str) -> None:
        if phase == BREAKS:
            threading.Timer(
                0.3, engine.patch, ("Deployment", trial.ns, "billing", {"spec": {"replicas": 2}})
            ).start()

    unexplained = judge(observer, file, lambda trial: None, TERMS)
    assert (unexplained.ok, unexplained.note) == (False, "the oracle calls the fault healthy ['False']")
    verdict = judge(observer, file, lambda trial: None, TERMS, also_by_the_engine)
    assert (verdict.ok, verdict.note) == (True, "healed before the alert was due")


def test_a_run_that_is_broken_off_ends_at_once(lab_cluster: LabCluster) -> None:
    observer = Observer(lab_cluster)
    observer.start()
    try:
        threading.Timer(3, observer.halted.set).start()
        verdict = judge(observer, OWN / "mistyped-image.yaml", lambda trial: None, Terms(timeout=60))
    finally:
        observer.stop()
    assert "broken off" in verdict.note
    assert verdict.took < 20


def test_an_engine_that_acts_on_a_control_is_caught(observer: Observer, lab_cluster: LabCluster) -> None:
    def hasty(trial: Trial) -> None:
        engine = Kube(lab_cluster.engine_kubeconfig, "suture")
        body = {"metadata": {"labels": {"touched": "yes"}}}
        engine.patch("Deployment", trial.ns, "portal", body)
        pod = trial.objects("Pod")[0]["metadata"]["name"]
        engine.delete("Pod", trial.ns, pod)

    verdict = judge(observer, OWN / "control-stale-alert.yaml", hasty, TERMS)
    assert not verdict.ok
    assert any(c.startswith("engine: patch deployments") for c in verdict.collateral)
    assert "1 pods or jobs removed" in verdict.collateral
