"""Whatever isn't Alertmanager: a script, a CI job, another tool posts what is wrong with what."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from suture.domain.redaction import redact_text
from suture.domain.report import LONG, MAX_LABELS, SHORT, Report, ReportStatus
from suture.domain.stages import Severity
from suture.domain.target import Target
from suture.ingest.alertmanager import MAX_TEXT, Moment, cut_labels, fingerprint_of, starts_at
from suture.ingest.targets import Resolver

_WORD = r"^[A-Za-z0-9]([A-Za-z0-9._:-]*[A-Za-z0-9])?$"
Word = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=_WORD)]
Short = Annotated[str, StringConstraints(max_length=SHORT)]
Text = Annotated[str, StringConstraints(max_length=MAX_TEXT)]
OWNED = {"Pod": "pod", "ReplicaSet": "replicaset", "Job": "job_name"}  # kinds whose owner is what is healed


class TargetIn(BaseModel):
    """An object by its kind and name."""

    model_config = ConfigDict(extra="forbid")

    system: Word = "kubernetes"
    cluster: Word | None = Field(default=None, description="None: the cluster of this installation")
    namespace: Word | None = None
    kind: Word
    name: Word


class IncidentIn(BaseModel):
    """One report: give the `target`, or `labels` as Prometheus has them to find it by."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "anyOf": [
                {"required": ["target"], "properties": {"target": {"type": "object"}}},
                {"required": ["labels"], "properties": {"labels": {"minProperties": 1}}},
            ],
            "examples": [
                {
                    "target": {"kind": "Deployment", "namespace": "shop", "name": "web"},
                    "severity": "high",
                    "reason": "SmokeTestFailed",
                    "summary": "the checkout page answers 500 since the last release",
                    "source": "ci",
                },
                {"labels": {"namespace": "shop", "pod": "web-5d4f-x2x7z"}, "summary": "web does not answer"},
            ],
        },
    )

    target: TargetIn | None = None
    labels: dict[Short, Text] = Field(default_factory=dict, max_length=MAX_LABELS)
    status: ReportStatus = ReportStatus.FIRING
    severity: Annotated[str, StringConstraints(max_length=32)] = Field(
        default="medium",
        description="low, medium, high, critical or the word of another system (warning, page, P2 ...)",
    )
    reason: Annotated[str, StringConstraints(min_length=1, max_length=SHORT)] = Field(
        default="reported", description="what kind of trouble, as one name"
    )
    summary: Text = Field(default="", description="what is wrong, for people")
    fingerprint: Short = Field(
        default="", description="names the alert: the same for each repetition and for its end"
    )
    source: Word = "api"
    starts_at: Moment | None = None

    @model_validator(mode="after")
    def _about_something(self) -> IncidentIn:
        if self.target is None and not self.labels:
            raise ValueError("give a target or labels, otherwise nobody knows what to heal")
        return self


async def read(
    posted: IncidentIn, resolve: Resolver, cluster: str, received_at: datetime
) -> tuple[Target, Report]:
    """The target and the redacted report of a post."""
    target = await find_target(posted, resolve, cluster)
    name = posted.fingerprint or fingerprint_of(
        {"source": posted.source, "reason": posted.reason, "target": str(target)}
    )
    report = Report(
        source=posted.source,
        target=target,
        status=posted.status,
        severity=Severity.parse(posted.severity),
        reason=redact_text(posted.reason)[:SHORT],
        summary=redact_text(posted.summary or posted.reason)[:LONG],
        labels=cut_labels(posted.labels),
        fingerprint=name,
        starts_at=starts_at(posted.starts_at, received_at),
        received_at=received_at,
    )
    return target, report.redacted()


async def find_target(posted: IncidentIn, resolve: Resolver, cluster: str) -> Target:
    """The target as given; of what has an owner (a pod ...) the owner, as for every other signal source."""
    given = posted.target
    if given is None:
        return await resolve({"alertname": posted.reason, **posted.labels})
    target = Target(
        system=given.system,
        cluster=given.cluster or cluster,
        namespace=given.namespace or "",
        kind=given.kind,
        name=given.name,
    )
    if (
        target.kind in OWNED
        and target.namespace
        and target.system == "kubernetes"
        and target.cluster == cluster
    ):
        return await resolve({"namespace": target.namespace, OWNED[target.kind]: target.name})
    return target
