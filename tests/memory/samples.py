"""Incidents, receipts and manifests to test with."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from suture.domain.action import Patch, Receipt, Scale
from suture.domain.decision import Decision, Method, Route, Routing, Verdict, VerdictKind
from suture.domain.diagnosis import FailureType, Hypothesis
from suture.domain.incident import Attempt, IncidentRecord, Timings
from suture.domain.plan import Plan
from suture.domain.report import Report
from suture.domain.stages import Outcome, Severity, Stage
from suture.domain.target import ObjectRef, Target
from suture.ports import Change

START = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)
WEB = ObjectRef(kind="Deployment", namespace="shop", name="web")
NONE_OF_IT = "hunter2-is-not-a-password-7f3a"


def after(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def scale(replicas: int) -> Scale:
    return Scale(object=WEB, replicas=replicas)


def receipt(key: str = "i1/0", replicas: int = 3, done: bool = False) -> Receipt:
    return Receipt(
        key=key,
        action=scale(replicas),
        prepared_at=after(20),
        done_at=after(21) if done else None,
        uid="u1",
        generation=4,
        undo=[scale(0)],
        changes={"spec.replicas": (0, replicas)},
    )


def secret_receipt(key: str = "i1/0") -> Receipt:
    """An adapter's oversight: the password stands in clear in the action and in its undo."""
    patch = {"spec": {"template": {"spec": {"containers": [{"name": "web", "env": [_password()]}]}}}}
    action = Patch(object=WEB, body=patch)
    return Receipt(
        key=key,
        action=action,
        prepared_at=after(20),
        undo=[action],
        changes={"env.DB_PASSWORD": ("", NONE_OF_IT)},
    )


def _password() -> dict[str, str]:
    return {"name": "DB_PASSWORD", "value": NONE_OF_IT}


def record(incident_id: str = "i1", name: str = "web", start: datetime = START) -> IncidentRecord:
    target = Target(namespace="shop", kind="Deployment", name=name)
    report = Report(
        source="alertmanager", target=target, severity=Severity.HIGH, reason="KubePodCrashLooping"
    )
    return IncidentRecord(
        incident_id=incident_id,
        workflow_id=target.workflow_id,
        target=target,
        severity=Severity.HIGH,
        reports=[report],
        report_count=1,
        summary="the web shop is down",
        timings=Timings(started_at=start),
    )


def attempt(incident_id: str = "i1", verdict: VerdictKind = VerdictKind.APPROVED) -> Attempt:
    plan = Plan(actions=[scale(3)])
    return Attempt(
        hypothesis=Hypothesis(
            id="h1",
            failure_type=FailureType.SCALED_TO_ZERO,
            origin="ledger",
            cause="scaled to zero",
            confidence=0.9,
            plan=plan,
        ),
        routing=Routing(route=Route.HYBRID, method=Method.EXECUTE, reason="both agree", hybrid_score=0.98),
        verdict=Verdict(kind=verdict, reasons=["rule 7"], plan=plan),
        receipts=[receipt(f"{incident_id}/0", done=True)],
        verified=True,
        started_at=after(10),
        ended_at=after(40),
    )


def healed(incident_id: str = "i1", name: str = "web", start: datetime = START) -> IncidentRecord:
    """The whole story of an incident that one approved action healed."""
    story = record(incident_id, name, start)
    story.failure_type, story.route = FailureType.SCALED_TO_ZERO, Route.HYBRID
    tried = attempt(incident_id)
    tried.decision = Decision(by="ada", reason="looks right", at=start + timedelta(seconds=15))
    story.attempts, story.outcome = [tried], Outcome.HEALED
    story.note(start, "down", Stage.DETECT, ready=0)
    story.note(start, "up again", Stage.VERIFY, ready=3)
    story.timings = Timings(
        started_at=start,
        detected_at=start + timedelta(seconds=5),
        acted_at=start + timedelta(seconds=21),
        healed_at=start + timedelta(seconds=42),
        ended_at=start + timedelta(seconds=50),
    )
    return story


def ended(incident_id: str, outcome: Outcome, start: datetime = START) -> IncidentRecord:
    """An incident that ended without any change."""
    story = record(incident_id, start=start)
    story.outcome, story.timings.ended_at = outcome, start + timedelta(seconds=60)
    return story


def deployment(
    name: str = "web", uid: str = "u1", version: int = 1, image: str = "shop/web:1"
) -> dict[str, Any]:
    pod = {"containers": [{"name": "web", "image": image, "env": [{"name": "MODE", "value": "fast"}]}]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": name,
            "namespace": "shop",
            "uid": uid,
            "resourceVersion": str(version),
            "generation": version,
            "labels": {"app": name},
            "annotations": {"deployment.kubernetes.io/revision": str(version), "team": "shop"},
            "managers": [
                ["kubectl", "t1", "Update", ""],
                ["kube-controller-manager", "t2", "Update", "status"],
            ],
        },
        "spec": {"replicas": 2, "template": {"spec": pod}},
        "status": {"readyReplicas": version},
    }


def secret(value: str, version: int = 1) -> dict[str, Any]:
    meta = {"name": "db", "namespace": "shop", "uid": "s1", "resourceVersion": str(version)}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "type": "Opaque", "data": {"user": value}}


def change(manifest: dict[str, Any], previous: dict[str, Any] | None = None, at: float = 0) -> Change:
    return Change(ref=_ref(manifest), manifest=manifest, previous=previous, at=after(at))


def deletion(previous: dict[str, Any], at: float = 0) -> Change:
    return Change(ref=_ref(previous), manifest=None, previous=previous, at=after(at))


def _ref(manifest: dict[str, Any]) -> ObjectRef:
    meta = manifest["metadata"]
    return ObjectRef(kind=manifest["kind"], namespace=meta["namespace"], name=meta["name"])
