"""The judge at work on a real cluster: what heals passes, what meddles does not."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lab.cluster import LabCluster
from lab.kube import Kube
from lab.objects import Obj
from lab.scenario import alert
from lab.scenario.judge import Terms, judge, reference_fix
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
