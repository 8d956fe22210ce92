"""Patch: any fields of an object. Values of a Secret travel sealed, in either direction."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from suture.domain.action import Patch
from suture.domain.errors import Invalid
from suture.domain.snapshot import Manifest
from suture.sealing import is_sealed
from suture.targets.kubernetes.actions.base import Context
from suture.targets.kubernetes.actions.change import FieldChange, Step
from suture.targets.kubernetes.sealed import texts

_SECRET_FIELDS = ("data", "stringData")


class PatchChange(FieldChange[Patch]):
    """Undone by a JSON patch that tests first that the fields still hold what this patch has put there."""

    async def step(self, ctx: Context, action: Patch, live: Manifest, at: datetime) -> Step:
        if action.object.kind == "Secret" and not all(is_sealed(text) for text in _secret_texts(action)):
            raise Invalid(
                f"cannot {action.describe()}: values of a Secret must be sealed, as histories keep plans"
            )
        return Step(action, action.body, action.patch_type)

    def lets_go(self, action: Patch) -> bool:
        """A patch that does nothing but take finalizers away."""
        return action.body == {"metadata": {"finalizers": None}}


def _secret_texts(action: Patch) -> Iterator[str]:
    """Every text that the patch would put into the Secret's data."""
    if isinstance(action.body, dict):
        for field in _SECRET_FIELDS:
            yield from texts(action.body.get(field))
        return
    for operation in action.body:
        yield from _operation_texts(
            str(operation.get("path", "")).strip("/").split("/"), operation.get("value")
        )


def _operation_texts(path: list[str], value: Any) -> Iterator[str]:
    if path == [""] and isinstance(value, dict):  # the whole object
        for field in _SECRET_FIELDS:
            yield from texts(value.get(field))
    elif path[0] in _SECRET_FIELDS:
        yield from texts(value)
