"""Guardrails: what no policy, no model and no person's click gets past.

Plain code on purpose, and checked again before every change.
"""

from __future__ import annotations

from collections.abc import Sequence

from suture.domain.action import HARMLESS, BaseAction, DeleteObject, RemoveCreated, Reversibility
from suture.domain.errors import Forbidden
from suture.domain.plan import Plan


class Guardrails:
    """Protected namespaces are never changed; irreversible actions never run without a person."""

    def __init__(self, protected_namespaces: Sequence[str]) -> None:
        self._protected = frozenset(protected_namespaces)

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

    def check(self, action: BaseAction, undo: bool = False) -> None:
        """Raise Forbidden for what may not run."""
        reason = self.forbids(action, undo)
        if reason:
            raise Forbidden(reason)

    def objections(self, plan: Plan) -> list[str]:
        """Every reason for which the plan may not run."""
        return [reason for a in plan.actions if (reason := self.forbids(a))]

    def needs_person(self, plan: Plan) -> list[str]:
        """Every reason for which a person must look at the plan first."""
        return [
            f"{a.describe()} cannot be undone" for a in plan.actions if a.reversibility is Reversibility.NONE
        ]
