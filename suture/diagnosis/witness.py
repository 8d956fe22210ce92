"""What only a witness makes trouble: states that somebody may well have wished, unless an alert complains of them.

A budget that allows no disruption, a suspended cron job, a used-up quota, an autoscaler without a target: each is legal.
Together with a firing alert about that very object it is the trouble that the alert means.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from suture.diagnosis import quantity
from suture.diagnosis.claims import external
from suture.diagnosis.fields import condition, desired, mapping, number, text, when
from suture.diagnosis.selectors import selects
from suture.diagnosis.workload import SCALABLE, pod_template
from suture.domain.diagnosis import FailureType, Symptom
from suture.domain.report import Report
from suture.domain.snapshot import Manifest, Snapshot, dig, event_time, ref_of
from suture.domain.target import ObjectRef

REFUSED_LATELY = 120.0
Found = tuple[FailureType, str, str, datetime | None]


def witnessed(
    snapshot: Snapshot, ref: ObjectRef, manifest: Manifest, reports: Sequence[Report], now: datetime
) -> Iterator[Symptom]:
    """What firing alerts about the object mean, where its state agrees with them."""
    said = external(reports)
    read = _READERS.get(ref.kind)
    if not said or read is None:
        return
    for kind, reason, message, since in read(snapshot, manifest):
        yield Symptom(
            failure_type=kind, object=ref, owner=ref, reason=reason, message=message,
            since=since or said[0].starts_at or now,
        )  # fmt: skip


def _autoscaler(_: Snapshot, manifest: Manifest) -> Iterator[Found]:
    for kind in ("AbleToScale", "ScalingActive"):
        failing = condition(manifest, kind)
        if failing.get("status") == "False" and failing.get("reason") != "ScalingDisabled":
            reason, message = text(failing, "reason", "NotScaling"), text(failing, "message")
            yield FailureType.AUTOSCALER, reason, message, when(failing, "lastTransitionTime")
            return


def _budget(snapshot: Snapshot, manifest: Manifest) -> Iterator[Found]:
    if number(manifest, "status.disruptionsAllowed", 1) > 0 or not number(manifest, "status.expectedPods"):
        return
    healthy, wanted = number(manifest, "status.currentHealthy"), number(manifest, "status.desiredHealthy")
    if healthy >= number(
        manifest, "status.expectedPods"
    ):  # no lack of pods: the budget itself forbids everything
        message = f"no pod may be evicted: {healthy} are healthy and {wanted} must be"
        yield FailureType.DISRUPTION_BUDGET, "NoDisruptionAllowed", message, None


def _quota(snapshot: Snapshot, manifest: Manifest) -> Iterator[Found]:
    """Used up is what a quota may well be; refusing pods that somebody wants is trouble."""
    refused = f"exceeded quota: {text(manifest, 'metadata.name')},"
    if not any(refused in said for said in _refusals(snapshot, text(manifest, "metadata.namespace"))):
        return
    for name, hard in mapping(manifest, "spec.hard").items():
        limit, used = quantity.parse(hard), quantity.parse(mapping(manifest, "status.used").get(name))
        if limit is not None and used is not None:
            yield (
                FailureType.QUOTA,
                "QuotaUsedUp",
                f"pods are refused; {name}: {used:g} of {limit:g} are used",
                None,
            )
            return


def _refusals(snapshot: Snapshot, namespace: str) -> Iterator[str]:
    """What controllers say now of pods that they may not create."""
    for kind in ("Deployment", "ReplicaSet"):
        for holder in snapshot.all(kind, namespace):
            failure = condition(holder, "ReplicaFailure")
            if failure.get("status") == "True":
                yield text(failure, "message")
    for event in snapshot.all("Event", namespace):
        at = when({"at": event_time(event)}, "at")
        if (
            text(event, "reason") == "FailedCreate"
            and at
            and (snapshot.taken_at - at).total_seconds() < REFUSED_LATELY
        ):
            yield text(event, "message")


def _cron_job(_: Snapshot, manifest: Manifest) -> Iterator[Found]:
    if dig(manifest, "spec.suspend") is True:
        yield FailureType.SUSPENDED, "Suspended", "it is suspended: no run is started", None


_READERS: dict[str, Callable[[Snapshot, Manifest], Iterator[Found]]] = {
    "HorizontalPodAutoscaler": _autoscaler,
    "PodDisruptionBudget": _budget,
    "ResourceQuota": _quota,
    "CronJob": _cron_job,
}


TELLING = frozenset(
    ("HorizontalPodAutoscaler", "PodDisruptionBudget", "ResourceQuota")
)  # their status tells it all


_NAMED_BY = (
    ("horizontalpodautoscaler", "HorizontalPodAutoscaler"),
    ("hpa", "HorizontalPodAutoscaler"),
    ("poddisruptionbudget", "PodDisruptionBudget"),
    ("resourcequota", "ResourceQuota"),
)


def telling(snapshot: Snapshot, report: Report) -> Manifest | None:
    """The object that a report names and whose status tells all about it, whatever the report's target is."""
    found = (
        snapshot.get(kind, report.target.namespace, report.labels[label])
        for label, kind in _NAMED_BY
        if report.labels.get(label)
    )
    if report.target.kind in TELLING:
        return snapshot.find(report.target.ref)
    return next((m for m in found if m is not None), None)


def contradicted(snapshot: Snapshot, report: Report) -> bool:
    """Whether the object that the report names tells by its own status that nothing is wrong with it."""
    manifest = telling(snapshot, report)
    if manifest is None:
        return False
    return not any(True for _ in _READERS[str(manifest["kind"])](snapshot, manifest))


def covered(snapshot: Snapshot, budget: Manifest) -> list[tuple[ObjectRef, int]]:
    """The workloads that a disruption budget covers, with their wanted replicas."""
    namespace = text(budget, "metadata.namespace")
    return [
        (ref_of(m), desired(m))
        for kind in SCALABLE[:2]
        for m in snapshot.all(kind, namespace)
        if selects(mapping(budget, "spec.selector"), mapping(pod_template(m), "metadata.labels"))
    ]
