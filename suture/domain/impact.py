"""What a plan would do to the whole: facts read from the same snapshot as the diagnosis, for guardrails and policies."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from suture.domain.target import ObjectRef


class ActionImpact(BaseModel):
    """One action's reach. Counts are pods or replicas; shares are between 0 and 1."""

    model_config = ConfigDict(frozen=True)

    object: ObjectRef
    owner: ObjectRef  # the workload (or node) whose pods are touched
    replicas_wanted: int = 0  # of the workload before the change
    replicas_before: int | None = None
    replicas_after: int | None = None
    replicas_changed: int = 0
    healthy_pods_disrupted: int = 0  # pods that serve now and would be taken away at the same time
    unhealthy_share_after: float = 0.0  # of the workload's wanted replicas, at the worst moment
    disruptions_allowed: int | None = (
        None  # by the tightest disruption budget over those pods; None: no budget
    )
    nodes_unavailable_share: float = 0.0  # of the cluster's nodes, after a cordon
    managed_by: str = ""  # GitOps owner, for example "Argo CD application shop": propose, do not patch
    protected: str = ""  # why the object must not be touched, when it says so itself (annotation, label)


class Impact(BaseModel):
    """The reach of a plan, one entry an action, in the plan's order."""

    model_config = ConfigDict(frozen=True)

    actions: list[ActionImpact] = Field(default_factory=list)
