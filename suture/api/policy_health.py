"""Whether the policies in force are those of today's files: a broken file changes nothing, and must not go unnoticed."""

from __future__ import annotations

from collections.abc import Callable

from suture.domain.errors import Invalid
from suture.telemetry.metrics import Metrics


class PolicyHealth:
    """`problem` says what is wrong with the files, or nothing. The engine works on with the rules that it has read before."""

    def __init__(self, problem: Callable[[], str]) -> None:
        self._problem = problem

    async def check(self) -> None:
        """For the readiness page; raises Invalid with file and line."""
        if problem := self._problem():
            raise Invalid(f"the policies that were read before stay in force: {problem}")

    async def __call__(self, metrics: Metrics) -> None:
        metrics.policies_broken.set(bool(self._problem()))
