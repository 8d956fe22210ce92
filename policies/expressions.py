"""CEL, Kubernetes' own expression language, behind one small class: compiled once, and every error means "no answer".

A missing key, a wrong type or an unknown name raises `ExpressionError`; the policy engine then denies (fail closed).
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Mapping
from importlib.machinery import PathFinder
from typing import Any

from suture.domain.errors import Invalid


def _extension() -> Any:
    """The compiled half of the package `cel`: the package itself also imports a console, which triples a start's time."""
    name = "cel.cel"
    if name not in sys.modules:
        package = importlib.util.find_spec("cel")
        spec = PathFinder.find_spec(name, package.submodule_search_locations if package else None)
        if spec is None or spec.loader is None:
            raise ImportError("common-expression-language is not installed", name="cel")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        sys.modules[name] = module  # it can be loaded only once: a later `import cel` must find it
    return sys.modules[name]


_cel = _extension()


class ExpressionError(Invalid):
    """The expression cannot be read, or cannot be answered for this input."""


class Variables:
    """What expressions are asked about: converted once, however many of them there are."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.converted = _cel.Context(dict(values))


class Expression:
    """One compiled expression that must answer true or false."""

    def __init__(self, source: str) -> None:
        self.source = source
        try:
            self._program = _cel.compile(source)
        except ValueError as e:
            raise ExpressionError(f"{source!r} is not a CEL expression: {e}") from e

    def test(self, variables: Mapping[str, Any] | Variables) -> bool:
        """Evaluate; raises ExpressionError on any error and on an answer that is not a boolean."""
        try:
            answer = self._program.execute(
                variables.converted if isinstance(variables, Variables) else dict(variables)
            )
        except (ValueError, TypeError, RuntimeError, KeyError) as e:
            raise ExpressionError(f"{self.source!r} cannot be answered: {e}") from e
        if not isinstance(answer, bool):
            raise ExpressionError(f"{self.source!r} answers {type(answer).__name__}, not true or false")
        return answer
