"""What can go wrong, as types: the docstring of each says what it means, the message says what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from suture.domain.governor import Admission


class SutureError(Exception):
    """Base of every error the engine raises on purpose. `permanent` errors are not retried.

    `details` travel with it through Temporal: values that can be written as JSON.
    """

    permanent = True
    details: tuple[Any, ...] = ()


class Unavailable(SutureError):
    """A system did not answer; trying again later may help."""

    permanent = False


class Conflict(SutureError):
    """The object changed between reading and writing; the state must be read again."""

    permanent = False


class TargetNotFound(SutureError):
    """The object does not exist (any more)."""


class Forbidden(SutureError):
    """The engine's account may not do this; the message names the missing permission."""


class Invalid(SutureError):
    """The input, or what a change would make of the object, is not valid."""


class PreconditionFailed(SutureError):
    """The object is no longer in the state for which the action was planned."""


class Irreversible(SutureError):
    """The receipt has nothing to undo with."""


class Declined(SutureError):
    """A person's word cannot be taken: not now, not from this person, or not about this plan. The message says why."""


class NotAdmitted(SutureError):
    """The governor holds a change back: nothing was begun. `details` holds its answer."""

    def __init__(self, admission: Admission) -> None:
        super().__init__("; ".join(admission.reasons) or f"the governor says {admission.state}")
        self.admission = admission
        self.details = (admission.model_dump(mode="json"),)
