"""What an activity failed of, without Temporal's wrapping."""

from __future__ import annotations

from temporalio.exceptions import ActivityError, ApplicationError


def cause_of(error: ActivityError) -> str:
    """The error a person can act upon, without Temporal's wrapping."""
    cause = error.cause
    while cause is not None and not isinstance(cause, ApplicationError) and getattr(cause, "cause", None):
        cause = cause.cause  # type: ignore[attr-defined]
    return str(getattr(cause, "message", None) or cause or error)


def type_of(error: ActivityError) -> str:
    return error.cause.type or "" if isinstance(error.cause, ApplicationError) else ""


def permanent(error: ActivityError) -> bool:
    return isinstance(error.cause, ApplicationError) and error.cause.non_retryable


def stale(error: ActivityError) -> bool:
    return type_of(error) in ("PreconditionFailed", "Conflict")
