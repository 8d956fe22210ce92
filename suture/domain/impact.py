"""What a plan would do to the whole: facts read from the same snapshot as the diagnosis, for guardrails and policies."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from suture.domain.action import BaseAction, Patch, Scale
from suture.domain.plan import Plan
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

    @property
    def replicas_changed(self) -> int:
        """Over all actions."""
        return sum(a.replicas_changed for a in self.actions)

    def after_edits(self, plan: Plan) -> Impact | None:
        """The same reach for a plan of which only parameters were changed: the numbers of replicas follow. None when the plan
        is about other objects, whose reach nobody has read.
        """
        if [a.object for a in self.actions] != [a.object for a in plan.actions]:
            return None
        return Impact(actions=[_follow(i, a) for i, a in zip(self.actions, plan.actions, strict=True)])


def replicas_of(action: BaseAction) -> int | None:
    """The number of replicas that an action sets, be it a scale or a patch; None when it sets none."""
    if isinstance(action, Scale):
        return action.replicas
    if not isinstance(action, Patch):
        return None
    if isinstance(action.body, dict):
        return _whole(_in_spec(action.body))
    found: int | None = None
    for op in action.body:
        path, value = op.get("path"), op.get("value")
        if path == "/spec/replicas":
            found = 1 if op.get("op") == "remove" else _whole(value)  # the API's default is 1
        elif path in ("", "/spec"):
            found = _whole(_in_spec({"spec": value} if path else value)) or found
    return found


def _in_spec(body: object) -> object:
    spec = body.get("spec") if isinstance(body, dict) else None
    return spec.get("replicas") if isinstance(spec, dict) else None


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _follow(reach: ActionImpact, action: BaseAction) -> ActionImpact:
    """At worst every pod that a smaller number takes away serves."""
    after, before = replicas_of(action), reach.replicas_before
    if after is None or before is None or after == reach.replicas_after:
        return reach
    fewer = max(0, (reach.replicas_after or 0) - after)
    disrupted = min(before, reach.healthy_pods_disrupted + fewer) if after < before else 0
    return reach.model_copy(
        update={
            "replicas_after": after,
            "replicas_changed": abs(after - before),
            "healthy_pods_disrupted": disrupted,
            "unhealthy_share_after": min(1.0, max(reach.unhealthy_share_after, disrupted / max(before, 1))),
        }
    )
