"""CEL, Kubernetes' own expression language, behind one small class: compiled once, and every error means "no answer".

A missing key, a wrong type or an unknown name raises `ExpressionError`; the policy engine then denies (fail closed).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import cel

from suture.domain.errors import Invalid


class ExpressionError(Invalid):
    """The expression cannot be read, or cannot be answered for this input."""


class Expression:
    """One compiled expression that must answer true or false."""

    def __init__(self, source: str) -> None:
        self.source = source
        try:
            self._program = cel.compile(source)
        except ValueError as e:
            raise ExpressionError(f"{source!r} is not a CEL expression: {e}") from e

    def test(self, variables: Mapping[str, Any]) -> bool:
        """Evaluate; raises ExpressionError on any error and on an answer that is not a boolean."""
        try:
            answer = self._program.execute(dict(variables))
        except (ValueError, TypeError, RuntimeError, KeyError) as e:
            raise ExpressionError(f"{self.source!r} cannot be answered: {e}") from e
        if not isinstance(answer, bool):
            raise ExpressionError(f"{self.source!r} answers {type(answer).__name__}, not true or false")
        return answer
