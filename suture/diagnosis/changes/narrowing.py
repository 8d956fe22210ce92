"""What the words of Kubernetes leave as possible causes: a volume that cannot be bound is not the fault of a taint."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from suture.diagnosis.changes.aspects import Aspect as A
from suture.diagnosis.scheduling import Obstacle, parse
from suture.domain.diagnosis import FailureType, Symptom

_OBSTACLES: Final[dict[Obstacle, set[A]]] = {
    Obstacle.RESOURCES: {A.RESOURCES, A.LIMITS, A.CONTAINERS, A.MORE, A.PLACEMENT, A.PRIORITY, A.NODE},
    Obstacle.CORDONED: {A.NODE},
    Obstacle.TAINT: {A.NODE, A.PLACEMENT},
    Obstacle.NODE_SELECTOR: {A.PLACEMENT, A.NODE_LABELS},
    Obstacle.POD_AFFINITY: {A.PLACEMENT, A.POD_LABELS, A.NODE_LABELS, A.MORE},
    Obstacle.SPREAD: {A.PLACEMENT, A.NODE_LABELS, A.NODE, A.MORE},
    Obstacle.PORTS: {A.PORTS, A.DNS, A.CONTAINERS, A.MORE},
    Obstacle.VOLUME: {A.VOLUMES, A.STORAGE, A.PLACEMENT, A.NODE_LABELS},
}
_REASONS: Final[dict[str, set[A]]] = {
    "QuotaExceeded": {A.QUOTA, A.LIMITS, A.RESOURCES, A.CONTAINERS, A.MORE},
    "PodSecurityViolation": {A.ADMISSION, A.SECURITY, A.DNS, A.VOLUMES, A.PORTS, A.CONTAINERS},
    "WebhookFailed": {A.WEBHOOK, A.SERVICE, A.POLICY, A.FEWER, A.NONE_LEFT},
    "WebhookDenied": set(A) - {A.QUOTA, A.LIMITS},
    "LimitRangeViolation": {A.LIMITS, A.RESOURCES, A.CONTAINERS},
    "PriorityClassNotFound": {A.PRIORITY},
    "ServiceAccountNotFound": {A.ACCOUNT},
}


def allowed(symptoms: Iterable[Symptom]) -> frozenset[A] | None:
    """The aspects that the symptoms leave; None when one of them leaves all."""
    found: set[A] = set()
    for s in symptoms:
        here = _of(s)
        if here is None:
            return None
        found |= here
    return frozenset(found) if found else None


def _of(symptom: Symptom) -> set[A] | None:
    if symptom.failure_type is FailureType.UNSCHEDULABLE and symptom.reason != "Cordoned":
        kinds = [_OBSTACLES.get(o) for o in parse(symptom.message).obstacles]
        known = [k for k in kinds if k is not None]
        return set().union(*known) if known and len(known) == len(kinds) else None
    return _REASONS.get(symptom.reason)
