"""Guardrails: what no policy, no model and no person's click gets past.

Plain code on purpose, with its few numbers in guardrails.yaml, and checked again on a fresh reading before every change.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, field_validator

from policies.files import read
from suture.domain.action import (
    HARMLESS,
    KINDS,
    BaseAction,
    DeleteObject,
    DeletePod,
    RemoveCreated,
    Reversibility,
)
from suture.domain.decision import Mode, Verdict, VerdictKind
from suture.domain.errors import Forbidden
from suture.domain.impact import ActionImpact, Impact
from suture.domain.plan import Plan
from suture.domain.target import ObjectRef

SHIPPED = Path(__file__).with_name("guardrails.yaml")
EVERY: Final = "*"


class Limits(BaseModel):
    """The content of guardrails.yaml; shares are between 0 and 1. `masks`: origin of a hypothesis -> kinds it may propose."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: int = Field(default=1, ge=1, le=1)
    max_replicas_changed: int = Field(default=50, ge=0)
    max_disrupted_share: float = Field(default=0.67, ge=0, le=1)
    max_nodes_unavailable_share: float = Field(default=0.49, ge=0, le=1)
    protected_namespaces: list[str] = Field(default_factory=list)
    protected_objects: list[str] = Field(default_factory=list)
    masks: dict[str, list[str]] = Field(default_factory=lambda: {"": [EVERY]})

    @field_validator("masks")
    @classmethod
    def _known_kinds(cls, masks: dict[str, list[str]]) -> dict[str, list[str]]:
        for origin, kinds in masks.items():
            unknown = sorted(set(kinds) - {*KINDS, EVERY})
            if unknown:
                raise ValueError(
                    f"{origin!r} names unknown actions {', '.join(unknown)}: use {', '.join(KINDS)}"
                )
        return masks

    @field_validator("protected_objects")
    @classmethod
    def _in_full(cls, patterns: list[str]) -> list[str]:
        for pattern in patterns:
            if len(pattern.split("/")) not in (2, 3):
                raise ValueError(f"{pattern!r} is not an object: write Kind/name or Kind/namespace/name")
        return patterns

    @classmethod
    def load(cls, path: Path = SHIPPED) -> Limits:
        """Read a guardrails file; raises Invalid naming file and line."""
        return read(path, cls, "guardrails file")[0]


class Guardrails:
    """Protected namespaces and objects are never changed; irreversible actions never run without a person; no plan reaches
    further than the limits."""

    def __init__(self, protected_namespaces: Sequence[str], limits: Limits | None = None) -> None:
        self._limits = limits or Limits.load()
        self._protected = [*protected_namespaces, *self._limits.protected_namespaces]

    def forbids(self, action: BaseAction, undo: bool = False) -> str | None:
        """Why this action may not run at all; None when it may. `undo` marks the inverse of an action that did run."""
        closed = self._closed_by_name(action.object)
        if closed:
            return closed
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
        """What a GitOps controller keeps in step is changed in Git."""
        owner = reach.managed_by
        return [f"{action.object} belongs to {owner}: change it in Git"] if owner else []

    def needs_person(self, plan: Plan) -> list[str]:
        """Every reason for which a person must look at the plan first."""
        return [
            f"{a.describe()} cannot be undone" for a in plan.actions if a.reversibility is Reversibility.NONE
        ]

    def _outside_mask(self, plan: Plan, origin: str) -> list[str]:
        """What the hypothesis may not propose. Where several found the same plan, one that may is enough."""
        refused = [self._refused(plan, one.strip()) for one in origin.split(",")]
        return [] if any(not r for r in refused) else refused[0]

    def _refused(self, plan: Plan, origin: str) -> list[str]:
        fitting = [p for p in self._limits.masks if not p or origin == p or origin.startswith(f"{p}:")]
        allowed = self._limits.masks[max(fitting, key=len)] if fitting else []
        kinds = dict.fromkeys(a.kind for a in plan.actions if EVERY not in allowed and a.kind not in allowed)
        return [f"{kind} is outside what {origin} may propose" for kind in kinds]

    def _closed_by_name(self, ref: ObjectRef) -> str | None:
        namespace = ref.name if ref.kind == "Namespace" else ref.namespace
        if any(fnmatchcase(namespace, pattern) for pattern in self._protected):
            return f"{ref} is in the protected namespace {namespace}"
        if any(fnmatchcase(str(ref), pattern) for pattern in self._limits.protected_objects):
            return f"{ref} is protected by its name"
        return None

    def _closed(self, reach: ActionImpact) -> Iterator[str]:
        by_name = self._closed_by_name(reach.owner)
        if by_name:
            yield by_name
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
        if reach.replicas_changed > most.max_replicas_changed:
            yield f"{action.describe()} changes {reach.replicas_changed} replicas, more than {most.max_replicas_changed}"

    def _together(self, impact: Impact) -> Iterator[str]:
        changed = impact.replicas_changed
        if changed > self._limits.max_replicas_changed:
            yield f"the plan changes {changed} replicas, more than {self._limits.max_replicas_changed}"
        yield from self._piecemeal(impact)

    def _piecemeal(self, impact: Impact) -> Iterator[str]:
        """What no single action takes away, several may: pods that are deleted one by one are away together."""
        for owner in dict.fromkeys(a.owner for a in impact.actions if a.replicas_wanted > 1):
            of = [a for a in impact.actions if a.owner == owner]
            taken = sum(a.healthy_pods_disrupted for a in of) / max(a.replicas_wanted for a in of)
            if len(of) > 1 and taken > self._limits.max_disrupted_share:
                yield (
                    f"the plan would take away {taken:.0%} of {owner} in all, "
                    f"more than {self._limits.max_disrupted_share:.0%}"
                )


def covered(action: BaseAction, verdict: Verdict | None) -> None:
    """Raise Forbidden unless a verdict lets exactly this action run."""
    if verdict is None or verdict.plan is None or verdict.kind is VerdictKind.DENIED:
        raise Forbidden(f"no verdict allows to {action.describe()}")
    if verdict.mode is not Mode.ACT:
        raise Forbidden(f"to {action.describe()} is only allowed as {verdict.mode.replace('_', ' ')}")
    if action not in verdict.plan.actions:
        raise Forbidden(f"to {action.describe()} is not part of the plan that was decided")
