"""Guardrails: what no policy, no model and no person's click gets past.

Plain code on purpose, with its few numbers in guardrails.yaml, and checked again on a fresh reading before every change.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from policies.files import read
from suture.domain.action import HARMLESS, BaseAction, DeleteObject, DeletePod, RemoveCreated, Reversibility
from suture.domain.errors import Forbidden
from suture.domain.impact import ActionImpact, Impact
from suture.domain.plan import Plan

SHIPPED = Path(__file__).with_name("guardrails.yaml")
MODEL_ORIGINS = ("model", "policy", "anomaly")  # what a hypothesis's origin begins with when a model made it


class Limits(BaseModel):
    """The content of guardrails.yaml; shares are between 0 and 1."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: int = Field(default=1, ge=1, le=1)
    max_replicas_changed: int = Field(default=50, ge=0)
    max_disrupted_share: float = Field(default=0.67, ge=0, le=1)
    max_nodes_unavailable_share: float = Field(default=0.49, ge=0, le=1)
    model_actions: list[str] = Field(default_factory=list)

    @classmethod
    def load(cls, path: Path = SHIPPED) -> Limits:
        """Read a guardrails file; raises Invalid naming file and line."""
        return read(path, cls, "guardrails file")[0]


class Guardrails:
    """Protected namespaces and objects are never changed; irreversible actions never run without a person; no plan reaches
    further than the limits."""

    def __init__(self, protected_namespaces: Sequence[str], limits: Limits | None = None) -> None:
        self._protected = frozenset(protected_namespaces)
        self._limits = limits or Limits.load()

    def forbids(self, action: BaseAction, undo: bool = False) -> str | None:
        """Why this action may not run at all; None when it may. `undo` marks the inverse of an action that did run."""
        namespace = action.object.name if action.object.kind == "Namespace" else action.object.namespace
        if namespace in self._protected:
            return f"{action.object} is in the protected namespace {namespace}"
        if isinstance(action, DeleteObject) and not (undo and action.expect.uid):
            return f"deleting {action.object} is only allowed to undo its own creation"
        if isinstance(action, RemoveCreated) and not (action.expect.uid and action.object.kind in HARMLESS):
            return f"removing {action.object} is only allowed for a known object that merely limits others"
        return None

    def check(self, action: BaseAction, undo: bool = False, reach: ActionImpact | None = None) -> None:
        """Raise Forbidden for what may not run. `reach` is the action's, on a fresh reading; an undo goes back to what was."""
        reason = self.forbids(action, undo)
        if reason is None and reach is not None:
            further = (
                self._closed(reach)
                if undo
                else [*self._too_far(action, reach), *self.proposes(action, reach)]
            )
            reason = next(iter(further), None)
        if reason:
            raise Forbidden(reason)

    def objections(self, plan: Plan, impact: Impact | None = None, origin: str = "") -> list[str]:
        """Every reason for which the plan may not run. `origin` is the hypothesis's: a model has a mask of its own."""
        found = [reason for a in plan.actions if (reason := self.forbids(a))]
        found += self._outside_mask(plan, origin)
        if impact is not None:
            found += [
                r
                for a, reach in zip(plan.actions, impact.actions, strict=True)
                for r in self._too_far(a, reach)
            ]
            found += self._together(impact)
        return found

    def proposals(self, plan: Plan, impact: Impact | None) -> list[str]:
        """Every reason for which the plan may only be proposed, not carried out."""
        reaches = impact.actions if impact else []
        return [r for a, reach in zip(plan.actions, reaches, strict=False) for r in self.proposes(a, reach)]

    def proposes(self, action: BaseAction, reach: ActionImpact) -> list[str]:
        """Lasting changes of what a GitOps controller keeps in step belong into Git."""
        lasting = action.reversibility is Reversibility.UNDO
        return (
            [f"{action.object} belongs to {reach.managed_by}: change it in Git"]
            if lasting and reach.managed_by
            else []
        )

    def needs_person(self, plan: Plan) -> list[str]:
        """Every reason for which a person must look at the plan first."""
        return [
            f"{a.describe()} cannot be undone" for a in plan.actions if a.reversibility is Reversibility.NONE
        ]

    def _outside_mask(self, plan: Plan, origin: str) -> Iterator[str]:
        if any(o.strip().startswith(MODEL_ORIGINS) for o in origin.split(",")):
            for a in plan.actions:
                kind = str(getattr(a, "kind", ""))
                if kind not in self._limits.model_actions:
                    yield f"{kind} is outside what a model may bring forward"

    def _closed(self, reach: ActionImpact) -> Iterator[str]:
        if reach.protected:
            yield reach.protected

    def _too_far(self, action: BaseAction, reach: ActionImpact) -> Iterator[str]:
        yield from self._closed(reach)
        most = self._limits
        taken = reach.healthy_pods_disrupted / reach.replicas_wanted if reach.replicas_wanted > 1 else 0.0
        if taken > most.max_disrupted_share:  # a single replica is always all of it
            yield (
                f"{action.describe()} would take away {taken:.0%} of {reach.owner} at a time, "
                f"more than {most.max_disrupted_share:.0%}"
            )
        if reach.nodes_unavailable_share > most.max_nodes_unavailable_share:
            yield (
                f"{action.describe()} would leave {reach.nodes_unavailable_share:.0%} of the nodes unavailable, "
                f"more than {most.max_nodes_unavailable_share:.0%}"
            )
        if isinstance(action, DeletePod) and reach.healthy_pods_disrupted and reach.disruptions_allowed == 0:
            yield f"a disruption budget allows no disruption of {reach.owner} now"

    def _together(self, impact: Impact) -> Iterator[str]:
        changed = sum(a.replicas_changed for a in impact.actions)
        if changed > self._limits.max_replicas_changed:
            yield f"the plan changes {changed} replicas, more than {self._limits.max_replicas_changed}"
