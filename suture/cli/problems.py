"""Errors as people see them: one clear line and what to do, on stderr; a traceback only with --debug."""

from __future__ import annotations

import os
import sys
import traceback

_OURS = ("suture", "lab", "policies", "worker", "activities", "models")


class Failure(Exception):
    """Something the user asked for did not work; `hint` says what to do about it."""

    def __init__(self, message: str, hint: str = "", code: int = 1) -> None:
        super().__init__(message)
        self.hint = hint
        self.code = code


class WrongUse(Failure):
    """The command line or a setting is wrong."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message, hint, code=2)


def report(error: BaseException) -> int:
    """Print an error and return the exit code."""
    if os.environ.get("SUTURE_DEBUG"):
        traceback.print_exception(error)
    while isinstance(error, BaseExceptionGroup):  # parts that run together fail together; the first says why
        error = error.exceptions[0]
    if isinstance(error, Failure):
        message, hint, code = str(error), error.hint, error.code
    elif type(error).__module__.partition(".")[0] in _OURS:
        message, hint, code = str(error), "", 1
    else:
        message, hint, code = (
            f"{type(error).__name__}: {error}",
            "run it again with `suture --debug ...` to see where",
            1,
        )
    print(f"suture: {message}", file=sys.stderr)
    if hint:
        print(f"  {hint}", file=sys.stderr)
    return code
