"""Judges series by a rule: strange, soon full, soon over. Implements `suture.ports.MetricJudge`."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.anomaly.base import MIN_ROWS
from models.anomaly.catalogue import DEFAULT, detector
from models.anomaly.forecast import Forecast, expiry, saturation
from suture.domain.errors import Invalid
from suture.domain.scan import Finding, Look, ScanRule, Series

SUSTAINED = 3  # rows above the threshold, lest one bad reading calls anybody
TOP = 3  # series that are named
NAMING = (
    "namespace",
    "deployment",
    "statefulset",
    "daemonset",
    "pod",
    "node",
    "persistentvolumeclaim",
    "service",
    "instance",
)
Array = NDArray[np.float64]


class Judge:
    """`method` is the detector's name."""

    def __init__(self, method: str = DEFAULT) -> None:
        self._method = method

    def judge(
        self, rule: ScanRule, series: Sequence[Series], now: float, since: float | None = None
    ) -> list[Finding]:
        """At most one finding a target. Blocking: seconds of computation for long series. An anomaly is measured by what came
        before `since`, lest it becomes ordinary by lasting; until that has left the lookback."""
        groups: dict[tuple[tuple[str, str], ...], list[Series]] = defaultdict(list)
        for one in series:
            groups[_target(rule, one)].append(one)
        found = []
        for labels, members in sorted(groups.items()):
            finding = (
                self._anomaly(rule, members, since)
                if rule.look is Look.ANOMALY
                else _soonest(rule, members, now)
            )
            if finding is not None:
                found.append(finding.model_copy(update={"labels": dict(labels)}))
        return found

    def _anomaly(self, rule: ScanRule, members: Sequence[Series], since: float | None) -> Finding | None:
        times, rows = grid(members, rule.step)
        recent = times > times[-1] - rule.recent if len(times) else np.zeros(0, dtype=bool)
        train = rows[~recent]
        if since is not None and int((healthy := times < since - rule.recent).sum()) >= MIN_ROWS:
            train = rows[healthy]
        if len(train) < MIN_ROWS:
            raise Invalid(
                f"rule {rule.name}: only {len(train)} rows before the last {rule.recent:g} s: lengthen lookback"
            )
        fitted = detector(self._method).fit(train)
        scores = fitted.score(rows, causal=True)
        strange = (scores.total > fitted.threshold) & recent
        if int(strange.sum()) < min(SUSTAINED, int(recent.sum())):
            return None
        parts = scores.shares[strange].sum(axis=0)
        named = [_say(members[i]) for i in np.argsort(-parts)[:TOP] if parts[i] > 0]
        worst = float((scores.total[strange] / fitted.threshold).max())
        summary = f"{rule.name}: {worst:.1f} times what is ordinary, most of all {'; '.join(named)}"
        return _finding(rule, "MetricAnomaly", summary, {"score": f"{worst:.2f}", "method": fitted.name})


def grid(members: Sequence[Series], step: float) -> tuple[Array, Array]:
    """Times and rows x series on one grid of steps; NaN where a series has no value."""
    every = sorted({round(t / step) for m in members for t in m.times})
    if not every:
        return np.zeros(0), np.zeros((0, len(members)))
    ticks = np.arange(every[0], every[-1] + 1)
    rows = np.full((len(ticks), len(members)), np.nan)
    for column, member in enumerate(members):
        places = np.round(np.asarray(member.times) / step).astype(int) - every[0]
        rows[places, column] = member.values
    at: Array = ticks.astype(np.float64) * step
    return at, rows


def _soonest(rule: ScanRule, members: Sequence[Series], now: float) -> Finding | None:
    """The series that is full, or over, first; None when none is within the horizon."""
    forecasts = [(_forecast(rule, m, now), m) for m in members]
    near = [(f, m) for f, m in forecasts if f.within(rule.horizon)]
    if not near:
        return None
    forecast, member = min(near, key=lambda fm: fm[0].expected)
    expiring = rule.look is Look.EXPIRY
    verb = "expires" if expiring else f"reaches {rule.limit:g}"
    when = "has happened" if forecast.expected <= 0 else f"in {_span(forecast.expected)}"
    between = (
        ""
        if expiring or forecast.expected <= 0
        else f" (between {_span(forecast.earliest)} and {_span(forecast.latest)})"
    )
    summary = f"{rule.name}: {_say(member)} {verb} {when}{between}"
    details = {"expected_s": f"{forecast.expected:.0f}", "earliest_s": f"{forecast.earliest:.0f}"}
    return _finding(rule, "ExpirySoon" if expiring else "SaturationForecast", summary, details)


def _forecast(rule: ScanRule, member: Series, now: float) -> Forecast:
    if rule.look is Look.EXPIRY:
        return expiry(member.values[-1:], now)
    if rule.limit is None:
        raise Invalid(f"rule {rule.name}: a saturation needs a limit")
    return saturation(member.times, member.values, rule.limit, rule.falling, rule.season)


def _finding(rule: ScanRule, reason: str, summary: str, details: dict[str, str]) -> Finding:
    return Finding(
        rule=rule.name, labels={}, reason=reason, summary=summary, severity=rule.severity, details=details
    )


def _target(rule: ScanRule, series: Series) -> tuple[tuple[str, str], ...]:
    """The labels that name the target: the rule's, and the series' where the rule says nothing."""
    own = {name: series.labels[name] for name in NAMING if series.labels.get(name)}
    return tuple(sorted({"alertname": rule.name, **own, **rule.labels}.items()))


def _say(series: Series) -> str:
    name = series.labels.get("__name__", "")
    labels = ", ".join(f"{k}={v}" for k, v in sorted(series.labels.items()) if k != "__name__")
    return f"{name}{{{labels}}}" if labels else name or "the series"


def _span(seconds: float) -> str:
    if math.isinf(seconds):
        return "an unknown time"
    for size, unit in ((86_400, "days"), (3_600, "hours"), (60, "minutes")):
        if seconds >= 1.5 * size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.0f} seconds"
