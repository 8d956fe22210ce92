"""The numbers of the scoreboard, from verdicts and the engine's own records: pure, so that they can be tested."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from lab.scenario.judge import Verdict
from lab.scoreboard.healings import Healing


@dataclass(frozen=True)
class Result:
    """One trial: what the judge says, and what the engine remembers."""

    verdict: Verdict
    healings: list[Healing] = field(default_factory=list)
    kills: int = 0

    @property
    def attempts(self) -> int:
        """Plans tried: of the incident that needed most, as several faults at once may be several incidents."""
        return max((h.attempts(self.verdict.judged_at) for h in self.healings), default=0)

    @property
    def detect_s(self) -> float | None:
        """From the fault to the engine's first notice of it."""
        return _seconds(self.verdict.fault_at, min((h.detected_at for h in self.healings), default=None))

    @property
    def act_s(self) -> float | None:
        """From the alert to the first change (0: it was changed before the alert came)."""
        acted = [deed.executed_at for h in self.healings for deed in h.deeds if deed.executed_at]
        return _seconds(self.verdict.alert_at, min(acted, default=None))

    def document(self) -> dict[str, Any]:
        """For the JSON report."""
        own = {"attempts": self.attempts, "detect_s": self.detect_s, "act_s": self.act_s, "kills": self.kills}
        return {**asdict(self.verdict), **own, "incidents": [asdict(h) for h in self.healings]}


def _seconds(start: datetime | None, end: datetime | None) -> float | None:
    if start is None or end is None:
        return None
    return round(max(0.0, (end - start).total_seconds()), 1)


def percentile(values: Iterable[float | None], percent: float) -> float | None:
    """The smallest value that is at least as large as so many per cent of all; None of nothing."""
    known = sorted(v for v in values if v is not None)
    return known[max(0, math.ceil(percent / 100 * len(known)) - 1)] if known else None


def share(part: int, whole: int) -> float | None:
    """Per cent, to one decimal; None of nothing."""
    return round(100 * part / whole, 1) if whole else None


def summary(results: Sequence[Result]) -> dict[str, Any]:
    """The figures of a run."""
    faults = [r for r in results if not r.verdict.control]
    controls = [r for r in results if r.verdict.control]
    good = [r for r in faults if r.verdict.ok]
    return {
        "faults": len(faults),
        "healed": len(good),
        "healed_percent": share(len(good), len(faults)),
        "first_attempt_percent": share(sum(r.attempts <= 1 for r in good), len(faults)),
        "second_attempt_percent": share(sum(r.attempts <= 2 for r in good), len(faults)),
        "controls": len(controls),
        "controls_untouched": sum(r.verdict.ok for r in controls),
        "false_actions": sum(bool(r.verdict.collateral) for r in controls),
        "faults_with_collateral": sum(bool(r.verdict.collateral) for r in faults),
        "collateral_changes": sum(len(r.verdict.collateral) for r in faults),
        "incidents": sum(len(r.healings) for r in results),
        "attempts_per_incident": _mean([h.attempts(r.verdict.judged_at) for r in faults for h in r.healings]),
        **_times("heal_s", [r.verdict.heal_s for r in good]),
        **_times("detect_s", [r.detect_s for r in good]),
        **_times("act_s", [r.act_s for r in good]),
    }


def _times(name: str, values: list[float | None]) -> dict[str, float | None]:
    return {f"median_{name}": percentile(values, 50), f"p95_{name}": percentile(values, 95)}


def _mean(values: list[int]) -> float | None:
    return round(sum(values) / len(values), 2) if values else None


@dataclass(frozen=True)
class Family:
    """The figures of one kind of fault."""

    name: str
    trials: int
    good: int
    attempts: int
    """The most that a healed one needed."""
    median_heal_s: float | None
    p95_heal_s: float | None
    collateral: int


def families(results: Iterable[Result]) -> list[Family]:
    """One row a family, by name, the controls last."""
    groups: dict[str, list[Result]] = {}
    for result in results:
        groups.setdefault("control" if result.verdict.control else result.verdict.family, []).append(result)
    return [_family(name, groups[name]) for name in sorted(groups, key=lambda n: (n == "control", n))]


def _family(name: str, group: list[Result]) -> Family:
    good = [r for r in group if r.verdict.ok]
    times = [r.verdict.heal_s for r in good]
    return Family(
        name=name,
        trials=len(group),
        good=len(good),
        attempts=max((r.attempts for r in good), default=0),
        median_heal_s=percentile(times, 50),
        p95_heal_s=percentile(times, 95),
        collateral=sum(len(r.verdict.collateral) for r in group),
    )


def flawless(results: Sequence[Result]) -> bool:
    """All healed, and nothing harmed."""
    return bool(results) and all(r.verdict.ok for r in results)
