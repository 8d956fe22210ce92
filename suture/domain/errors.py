"""What can go wrong, as types: the docstring of each says what it means, the message says what to do."""

from __future__ import annotations


class SutureError(Exception):
    """Base of every error the engine raises on purpose. `permanent` errors are not retried."""

    permanent = True


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
