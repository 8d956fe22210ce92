"""Inputs of workflows and updates as people write them: what makes no sense is refused with the reason, without the input."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from temporalio.exceptions import ApplicationError

from suture.domain.redaction import redact_text

M = TypeVar("M", bound=BaseModel)


def parse(model: type[M], value: Any) -> M:
    """For validators. Raises ValueError."""
    try:
        return model.model_validate(value)
    except ValidationError as e:
        said = "; ".join(f"{'.'.join(map(str, x['loc'])) or 'input'}: {x['msg']}" for x in e.errors()[:5])
        raise ValueError(said) from None


def read(model: type[M], value: Any) -> M:
    """For starts and handlers: ends a workflow that cannot begin, instead of trying it for ever."""
    try:
        return parse(model, value)
    except ValueError as e:
        raise ApplicationError(str(e), type="Invalid", non_retryable=True) from None


def clean(said: M) -> M:
    """What people write may hold a secret."""
    texts = {k: redact_text(v) for k, v in said if isinstance(v, str)}
    return said.model_copy(update=texts)


def refuse(reason: Callable[[M], str], said: M) -> None:
    """Raises ValueError when there is a reason."""
    if refused := reason(said):
        raise ValueError(refused)
