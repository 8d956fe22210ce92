"""Emergency procedures: maintenance mode and mass outage; what an installation has prepared for them, and how they stand."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, field_validator

from suture.domain.incident import IncidentRecord
from suture.domain.post_incident import PostIncidentRules
from suture.domain.target import ObjectRef, Target

SYSTEM = "suture"  # what an emergency's record is about: not a workload, the installation as a whole
By = Field(min_length=1, max_length=128)
Why = Field(min_length=1, max_length=2048)


def _ref(value: Any) -> Any:
    return ObjectRef.parse(value) if isinstance(value, str) else value


class ConfigMapSwitch(BaseModel):
    """The ConfigMap by which applications learn of maintenance, and the keys that are set while it is on."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    namespace: str = Field(min_length=1, max_length=253)
    name: str = Field(min_length=1, max_length=253)
    key: str = Field(default="maintenance_mode", pattern=r"^[-_A-Za-z0-9]+$")
    value: str = "true"
    message_key: str = Field(default="maintenance_message", pattern=r"^[-_A-Za-z0-9]*$")

    @property
    def object(self) -> ObjectRef:
        return ObjectRef(kind="ConfigMap", namespace=self.namespace, name=self.name)


class Dependency(BaseModel):
    """Something outside that the services need; asked by HTTP HEAD. Any answer below 500 means that it is there."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1, max_length=128)
    url: str = Field(pattern=r"^https?://")


class Group(BaseModel):
    """Workloads that come back together; the next group waits until all of them are healthy."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[-_.A-Za-z0-9]+$", max_length=64)
    targets: list[ObjectRef] = Field(min_length=1, max_length=32)

    @field_validator("targets", mode="before")
    @classmethod
    def _as_text(cls, value: Any) -> Any:
        return [_ref(v) for v in value] if isinstance(value, list) else value


class GuidedStep(BaseModel):
    """What only a person does, with the commands to do it by: the engine shows it, and records who says that it is done."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[-_.A-Za-z0-9]+$", max_length=64)
    title: str = Field(min_length=1, max_length=256)
    commands: list[str] = Field(default_factory=list, max_length=32)


class EmergencyRules(BaseModel):
    """The content of emergency.yaml. Times in seconds.

    `verify_seconds`: how long a group may take to become healthy, `stable_for`: and has to stay so; `look_every`: how often
    the infrastructure is looked at during an outage; `on_storm`: whether the storm breaker enters mass outage by itself.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: int = Field(default=1, ge=1, le=1)
    maintenance: ConfigMapSwitch | None = None
    message: str = Field(default="System maintenance in progress", max_length=1024)
    dependencies: list[Dependency] = Field(default_factory=list, max_length=64)
    restore: list[Group] = Field(default_factory=list, max_length=64)
    approve_each: bool = True
    verify_seconds: float = Field(default=300, gt=0)
    stable_for: float = Field(default=10, ge=0)
    look_every: float = Field(default=60, gt=0)
    on_storm: bool = False
    guided: list[GuidedStep] = Field(default_factory=list, max_length=64)


class Prepared(BaseModel):
    """What the worker's installation has for an emergency."""

    rules: EmergencyRules
    cluster: str
    actions_queue: str = ""
    post_incident: PostIncidentRules | None = None


class MaintenanceStart(BaseModel):
    """The input of the workflow `MaintenanceMode`. Without `until` it lasts until somebody ends it."""

    model_config = ConfigDict(extra="forbid")

    cluster: str = Field(pattern=r"^[^\s/]+$")
    by: str = By
    reason: str = Why
    until: AwareDatetime | None = None
    message: str = Field(default="", max_length=1024)
    namespaces: list[str] = Field(default_factory=list, max_length=64)


class OutageStart(BaseModel):
    """The input of the workflow `MassOutage`."""

    model_config = ConfigDict(extra="forbid")

    cluster: str = Field(pattern=r"^[^\s/]+$")
    by: str = By
    reason: str = Why
    carried: OutageStatus | None = None


class End(BaseModel):
    """A person ends it: the input of `off` and of `end`."""

    model_config = ConfigDict(extra="forbid")

    by: str = By
    reason: str = Field(default="", max_length=2048)


class Restore(BaseModel):
    """A person approves a group (empty: the next one), or all that are left, or skips one. Input of the update `restore`."""

    model_config = ConfigDict(extra="forbid")

    by: str = By
    reason: str = Why
    group: str = Field(default="", max_length=64)
    skip: bool = False
    everything: bool = False


class Confirm(BaseModel):
    """A person says that a guided step is done. Input of the update `confirm`."""

    model_config = ConfigDict(extra="forbid")

    by: str = By
    step: str = Field(min_length=1, max_length=64)
    note: str = Field(default="", max_length=2048)


class MaintenancePhase(StrEnum):
    """How far maintenance mode is."""

    BEGINNING = "beginning"
    ON = "on"
    ENDING = "ending"
    OFF = "off"


class MaintenanceStatus(BaseModel):
    """What `MaintenanceMode` answers to the query `status`. `problem`: what a person has to look after."""

    phase: MaintenancePhase = MaintenancePhase.BEGINNING
    by: str
    reason: str
    since: datetime
    until: datetime | None = None
    ended_by: str = ""
    problem: str = ""
    record: IncidentRecord


class Place(BaseModel):
    """One dependency as it was found."""

    name: str
    url: str
    ok: bool
    said: str


class Survey(BaseModel):
    """How the infrastructure looks: nodes that are not ready (with why), pods that do not run by namespace, dependencies."""

    at: datetime
    nodes: int = 0
    nodes_not_ready: dict[str, str] = Field(default_factory=dict)
    pods: int = 0
    not_running: int = 0
    pods_not_running: dict[str, list[str]] = Field(default_factory=dict)
    dependencies: list[Place] = Field(default_factory=list)
    problem: str = ""  # why the cluster could not be read


class OutagePhase(StrEnum):
    """How far a mass outage is."""

    STOPPED = "stopped"  # nothing acts
    RESTORING = "restoring"  # groups come back, one after the other
    ENDED = "ended"


GroupState = Literal["waiting", "approved", "restarting", "verifying", "healthy", "failed", "skipped"]


class GroupStatus(BaseModel):
    """How one group's restoration stands. `tries` counts the times that a person let it be restarted."""

    name: str
    targets: list[ObjectRef]
    state: GroupState = "waiting"
    tries: int = 0
    by: str = ""
    said: str = ""


class StepStatus(BaseModel):
    """How a guided step stands."""

    name: str
    title: str
    commands: list[str] = Field(default_factory=list)
    done_at: datetime | None = None
    done_by: str = ""
    note: str = ""


class OutageStatus(BaseModel):
    """What `MassOutage` answers to the query `status`, and what it carries over continue-as-new."""

    phase: OutagePhase = OutagePhase.STOPPED
    by: str
    reason: str
    since: datetime
    prepared: Prepared | None = None
    called: dict[str, list[str]] = Field(default_factory=dict, description="level -> who was told")
    survey: Survey | None = None
    groups: list[GroupStatus] = Field(default_factory=list)
    steps: list[StepStatus] = Field(default_factory=list)
    everything: bool = False  # a person approved all groups at once
    ended_by: str = ""
    record: IncidentRecord

    @property
    def next_group(self) -> GroupStatus | None:
        """The first group that is neither healthy nor skipped."""
        return next((g for g in self.groups if g.state not in ("healthy", "skipped")), None)

    def refuses_restore(self, said: Restore) -> str:
        """Why a group cannot be approved now; empty when it can."""
        if self.phase is OutagePhase.ENDED:
            return f"it was ended by {self.ended_by}"
        group = self.next_group
        if group is None:
            return (
                "nothing is left to restore: end it"
                if self.groups
                else "emergency.yaml names nothing to restore"
            )
        if said.group and said.group != group.name:
            names = ", ".join(g.name for g in self.groups)
            return f"the next group is {group.name}, not {said.group}: the order is {names}"
        if group.state in ("approved", "restarting", "verifying"):
            return f"{group.name} is {group.state}: wait until it is healthy"
        if said.skip and said.everything:
            return "skip names one group: it cannot go with all of them"
        return ""

    def refuses_end(self) -> str:
        """Why it cannot be ended now; empty when it can."""
        if self.phase is OutagePhase.ENDED:
            return f"it was ended by {self.ended_by}"
        group = self.next_group
        if group and group.state in ("approved", "restarting", "verifying"):
            return f"{group.name} is {group.state}: wait until that is over"
        return ""

    def refuses_confirm(self, said: Confirm) -> str:
        """Why a guided step cannot be confirmed; empty when it can."""
        step = self.step(said.step)
        if step is None:
            return (
                f"there is no step {said.step}: there are {', '.join(s.name for s in self.steps) or 'none'}"
            )
        return f"{step.name} was done by {step.done_by}" if step.done_at else ""

    def step(self, name: str) -> StepStatus | None:
        return next((s for s in self.steps if s.name == name), None)


def maintenance_id(cluster: str) -> str:
    """One maintenance a cluster at a time."""
    return f"maintenance/{cluster}"


def outage_id(cluster: str) -> str:
    """One mass outage a cluster at a time."""
    return f"mass-outage/{cluster}"


def target_of(cluster: str, kind: Literal["Maintenance", "MassOutage"]) -> Target:
    """What the record of an emergency is about."""
    return Target(system=SYSTEM, cluster=cluster, kind=kind, name=cluster)


OutageStart.model_rebuild()
