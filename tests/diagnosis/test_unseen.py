"""Alerts that healthy pods refute, alerts that they cannot, and what counts as evidence for the latter."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from suture.diagnosis.changes.history import Past
from suture.diagnosis.claims import Claim, claim
from suture.diagnosis.classify import classify
from suture.diagnosis.detect import detect
from suture.domain.diagnosis import Detection, FailureType, Health
from suture.domain.report import Report
from suture.domain.target import ObjectRef
from tests.changes.worlds import application, case, everything, past_of, target
from tests.diagnosis.builder import NOW, NS, World, at, condition, report
from tests.diagnosis.builder import target as target_of

SERVICE = ObjectRef(kind="Service", namespace=NS, name="web")
INGRESS = ObjectRef(kind="Ingress", namespace=NS, name="web")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("KubePodCrashLooping", Claim.REFUTABLE),
        ("KubePodNotReady", Claim.REFUTABLE),
        ("KubeDeploymentReplicasMismatch", Claim.REFUTABLE),
        ("KubeDeploymentRolloutStuck", Claim.REFUTABLE),
        ("PodOOMKilled", Claim.REFUTABLE),
        ("pod-pending-too-long", Claim.REFUTABLE),
        ("HighRequestErrorRate", Claim.UNSEEN),
        ("Checkout5xxBurnRate", Claim.UNSEEN),
        ("TargetDown", Claim.UNSEEN),
        ("HighLatency", Claim.UNSEEN),
        ("DnsLookupErrors", Claim.UNSEEN),
        ("ProbeFailed", Claim.UNSEEN),
        ("DiskAlmostFull", Claim.UNKNOWN),
    ],
)
def test_what_an_alert_claims(name: str, expected: Claim) -> None:
    assert claim(report(target(), name)) is expected


def judged(
    world: World, past: Past | None, *said: Report, ref: ObjectRef | None = None, age: float = 5
) -> Detection:
    reports = [r.model_copy(update={"starts_at": at(5), "received_at": at(age)}) for r in said]
    return detect(world.snapshot(), target_of(ref or target()), reports, NOW, at(age), past)


def misdirected() -> tuple[World, Past]:
    world = application()
    before = everything(world)
    world.find(SERVICE)["spec"]["ports"][0]["targetPort"] = 9999
    return world, past_of(before, world.snapshot())


def test_a_change_before_the_alert_is_evidence() -> None:
    world, past = misdirected()
    detection = judged(world, past, report(target(), "HighErrorRate"))
    assert detection.health is Health.UNHEALTHY
    assert [s.failure_type for s in detection.symptoms] == [FailureType.TRAFFIC]
    first = classify(case(world.snapshot(), past, *detection.symptoms, reported_at=at(5))).hypotheses[0]
    assert first.plan is not None and first.plan.actions[0].object == SERVICE


def test_pods_refute_a_claim_about_pods_whatever_was_changed() -> None:
    world, past = misdirected()
    assert judged(world, past, report(target(), "KubePodCrashLooping")).health is Health.HEALTHY


def test_without_evidence_the_engine_is_unsure_and_says_so() -> None:
    world = application()
    past = past_of(everything(world), world.snapshot())
    said = report(target(), "HighErrorRate")
    assert judged(world, past, said, age=5).health is Health.SETTLING
    assert judged(world, past, said, age=60).health is Health.UNSURE


def test_a_dependency_that_leads_nowhere_is_evidence_without_any_history() -> None:
    world = application()
    world.find(SERVICE)["spec"]["ports"][0]["targetPort"] = "web"
    detection = judged(world, Past(), report(target(), "HighErrorRate"))
    assert detection.health is Health.UNHEALTHY
    first = classify(case(world.snapshot(), Past(), *detection.symptoms)).hypotheses[0]
    assert first.origin == "detector:misdirected" and first.plan is not None
    (action,) = first.plan.actions
    assert "'value': 'http'" in str(action.model_dump()["body"])


def test_a_new_image_that_runs_is_a_matter_for_a_person() -> None:
    world = application()
    before = everything(world)
    world.find(target())["spec"]["template"]["spec"]["containers"][0]["image"] = "registry.example.com/web:2"
    past = past_of(before, world.snapshot())
    detection = judged(world, past, report(target(), "HighErrorRate"))
    found = (
        classify(case(world.snapshot(), past, *detection.symptoms)).hypotheses if detection.symptoms else []
    )
    assert not [h for h in found if h.plan]


def witnessed(kind: str, alert: str, **body: Any) -> list[FailureType]:
    world = World()
    made = world.add(kind, "x", **copy.deepcopy(body))
    ref = ObjectRef(kind=kind, namespace=made["metadata"]["namespace"], name="x")
    quiet = detect(world.snapshot(), target_of(ref), [], NOW, at(60), Past())
    assert quiet.health is Health.HEALTHY
    return [s.failure_type for s in judged(world, Past(), report(ref, alert), ref=ref).symptoms]


def test_states_that_only_an_alert_makes_trouble() -> None:
    spent = {"disruptionsAllowed": 0, "expectedPods": 2, "currentHealthy": 2, "desiredHealthy": 2}
    assert witnessed("PodDisruptionBudget", "PdbAtLimit", spec={}, status=spent) == [
        FailureType.DISRUPTION_BUDGET
    ]
    assert witnessed("CronJob", "CronJobNotScheduled", spec={"suspend": True}) == [FailureType.SUSPENDED]
    failing = {"conditions": [condition("AbleToScale", "False", 60, "FailedGetScale", "not found")]}
    assert witnessed("HorizontalPodAutoscaler", "HpaMismatch", spec={}, status=failing) == [
        FailureType.AUTOSCALER
    ]


def test_a_budget_that_lacks_pods_is_not_the_trouble_itself() -> None:
    short = {"disruptionsAllowed": 0, "expectedPods": 2, "currentHealthy": 1, "desiredHealthy": 1}
    assert witnessed("PodDisruptionBudget", "PdbAtLimit", spec={}, status=short) == []


def test_a_quota_is_trouble_when_it_refuses_pods_not_when_it_is_full() -> None:
    world = World()
    used = {"hard": {"pods": "4"}, "used": {"pods": "4"}}
    world.add("ResourceQuota", "team", spec={"hard": {"pods": "4"}}, status=used)
    ref = ObjectRef(kind="ResourceQuota", namespace=NS, name="team")
    said = report(ref, "KubeQuotaFullyUsed")
    assert judged(world, Past(), said, ref=ref).health is Health.HEALTHY
    world.event(
        target(), "FailedCreate", 'pods "web-1" is forbidden: exceeded quota: team, requested: pods=1'
    )
    assert [s.failure_type for s in judged(world, Past(), said, ref=ref).symptoms] == [FailureType.QUOTA]


def with_autoscaler(status: str, changed: float) -> tuple[World, Past]:
    """An autoscaler that a person has changed, and what it says of itself now."""
    world = application()
    before = everything(world)
    scaler = world.find(ObjectRef(kind="HorizontalPodAutoscaler", namespace=NS, name="web"))
    scaler["spec"]["minReplicas"] = 3
    scaler["status"] = {"conditions": [condition("ScalingActive", status, 5, "FailedGetResourceMetric")]}
    return world, past_of(before, world.snapshot(), changed)


@pytest.mark.parametrize(
    "ref", [target(), ObjectRef(kind="HorizontalPodAutoscaler", namespace=NS, name="web")]
)
def test_an_autoscaler_that_works_refutes_what_is_said_of_it(ref: ObjectRef) -> None:
    said = report(target(), "KubeHpaReplicasMismatch", horizontalpodautoscaler="web")
    world, past = with_autoscaler("True", 40)
    assert judged(world, past, said, ref=ref).health is Health.HEALTHY
    world, past = with_autoscaler("False", 40)
    assert judged(world, past, said, ref=ref).health is Health.UNHEALTHY


def test_an_autoscaler_that_was_changed_a_moment_ago_is_given_time() -> None:
    world, past = with_autoscaler("True", 3)
    said = report(target(), "KubeHpaReplicasMismatch", horizontalpodautoscaler="web")
    assert judged(world, past, said).health is Health.SETTLING
