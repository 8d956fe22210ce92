"""What an alert claims: something that pods and controllers can refute, or something that only users notice.

Judged by general words of its name and summary and by which object its labels speak of, never by a list of alerts. A
claim about pods (crash loops, missing replicas, a stuck rollout) is refuted by healthy pods. Errors, latency, a target
that does not answer, a job that does not run: these are true although every pod is ready.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Final

from suture.diagnosis.absence import OWN_EYES, words
from suture.domain.diagnosis import FailureType
from suture.domain.report import Report, ReportStatus


class Claim(StrEnum):
    """Whether the cluster itself can contradict it."""

    REFUTABLE = "refutable"
    UNSEEN = "unseen"
    UNKNOWN = "unknown"


_UNSEEN: Final = re.compile(
    r"\b(errors?|[45]xx|http|latency|slow\w*|time[ds]? ?outs?|requests?|traffic|connections?|refused|dns|resolution"
    r"|availab\w*|slo|burn\w*|blackbox|targets?|absent|endpoints?|ingress|unreachable|probe success|saturat\w*|quer\w+"
    r"|network|no such host|not scheduled|successful run|last success\w*|disruptions?|evict\w*|pdb|hpa|autoscal\w*|quota"
    r"|maxed|drain\w*|outage|down|[45]\d\d|probes? fail\w*|certificates?|tls)\b"
)
_REFUTABLE: Final = re.compile(
    r"\b(crash\w*|restart\w*|back ?off|waiting|not ready|non ready|unready|replicas?|rollout|progress\w*|generation|pending"
    r"|unschedul\w*|image|pull\w*|oom\w*|killed|failed create|terminat\w*|node not ready|job fail\w*|completion)\b"
)
_LABELLED: Final = (
    ("horizontalpodautoscaler", FailureType.AUTOSCALER),
    ("hpa", FailureType.AUTOSCALER),
    ("poddisruptionbudget", FailureType.DISRUPTION_BUDGET),
    ("resourcequota", FailureType.QUOTA),
    ("cronjob", FailureType.SUSPENDED),
)

_PODLESS: Final = ("Ingress", "Service", "NetworkPolicy")  # they have no pods that could refute anything


def external(reports: Iterable[Report]) -> list[Report]:
    """The firing reports of others: the engine's own watch tells nothing that the snapshot does not show."""
    return [
        r for r in reports if r.status is ReportStatus.FIRING and not r.source.lower().startswith(OWN_EYES)
    ]


def claim(report: Report) -> Claim:
    """What one report claims; its name weighs more than its summary.

    >>> from suture.domain.target import Target
    >>> web = Target(kind="Deployment", namespace="shop", name="web")
    >>> claim(Report(source="alertmanager", target=web, reason="HighErrorRate")).value
    'unseen'
    >>> claim(Report(source="alertmanager", target=web, reason="PodNotReady")).value
    'refutable'
    """
    name = words(report.labels.get("alertname") or report.reason)
    for said in (name, words(report.summary)):
        if _REFUTABLE.search(said) and not re.search(r"\b(hpa|autoscal\w*)\b", said):
            return Claim.REFUTABLE
        if _UNSEEN.search(said):
            return Claim.UNSEEN
    named = any(report.labels.get(label) for label, _ in _LABELLED) or report.target.kind in _PODLESS
    return Claim.UNSEEN if named else Claim.UNKNOWN


def unseen(reports: Sequence[Report]) -> list[Report]:
    """The firing reports that healthy pods do not refute."""
    return [r for r in external(reports) if claim(r) is Claim.UNSEEN]


def failure_of(report: Report) -> FailureType:
    """The kind of failure that an unseen claim is about."""
    return next((kind for label, kind in _LABELLED if report.labels.get(label)), FailureType.TRAFFIC)
