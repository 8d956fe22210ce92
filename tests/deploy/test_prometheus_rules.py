"""The shipped Prometheus rules, checked and tested by Prometheus' own tool."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab.tools import tool
from suture.telemetry.metrics import Metrics

pytestmark = pytest.mark.prometheus
ROOT = Path(__file__).resolve().parents[2]
RULES = sorted((ROOT / "deploy/prometheus/rules").glob("*.yaml"))
TESTS = sorted((ROOT / "deploy/prometheus/tests").glob("*.yaml"))
LEVELS = {"L1", "L2", "L3", "L4"}


def promtool(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [str(tool("promtool")), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def alerts() -> list[dict[str, Any]]:
    rules = [r for f in RULES for g in yaml.safe_load(f.read_text())["groups"] for r in g["rules"]]
    return [r for r in rules if "alert" in r]


def expectations() -> list[dict[str, Any]]:
    tests = [t for f in TESTS for t in yaml.safe_load(f.read_text())["tests"]]
    return [a for t in tests for a in t["alert_rule_test"]]


def test_rules_are_valid() -> None:
    done = promtool("check", "rules", *RULES)
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_alert_fires_when_it_should() -> None:
    done = promtool("test", "rules", *TESTS)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_wrong_threshold_fails_the_tests(tmp_path: Path) -> None:
    """The tests of the rules can fail."""
    for file in (*RULES, *TESTS):
        copy = tmp_path / file.parent.name / file.name
        copy.parent.mkdir(exist_ok=True)
        copy.write_text(
            file.read_text().replace("ratio5m > 0.05", "ratio5m > 0.25").replace("for: 5m", "for: 9m")
        )
    done = promtool("test", "rules", *sorted((tmp_path / "tests").glob("critical.yaml")))
    assert done.returncode != 0
    assert "HighErrorRate" in done.stdout + done.stderr
    assert "SystemDown" in done.stdout + done.stderr


@pytest.mark.parametrize("name", sorted({a["alert"] for a in alerts()}))
def test_each_alert_is_labelled_documented_and_tested_both_ways(name: str) -> None:
    docs = (ROOT / "docs/alerts.md").read_text()
    for alert in (a for a in alerts() if a["alert"] == name):
        assert alert["labels"]["severity"] in ("critical", "high")
        assert alert["labels"]["level"] in LEVELS
        assert alert["annotations"]["summary"]
        page, _, anchor = alert["annotations"]["runbook"].partition("#")
        assert page == "docs/alerts.md"
        assert re.search(rf"^### {anchor}$", docs, re.MULTILINE | re.IGNORECASE), anchor
    cases = [bool(t["exp_alerts"]) for t in expectations() if t["alertname"] == name]
    assert set(cases) == {True, False}


def test_the_five_critical_alerts_are_there() -> None:
    waits = {a["alert"]: a.get("for", "0m") for a in alerts() if a["labels"].get("severity") == "critical"}
    assert {
        "SystemDown": "5m",
        "HighErrorRate": "10m",
        "PerformanceDegradation": "15m",
    }.items() <= waits.items()
    assert {"DataLoss", "SecurityBreach"} <= waits.keys()


def test_the_engine_has_the_metrics_that_its_alerts_ask_for() -> None:
    families = Metrics().registry.collect()
    known = {name for f in families for name in (f.name, f"{f.name}_total")}
    asked = {m for f in RULES for m in re.findall(r"\bsuture_[a-z_]+", f.read_text())}
    assert asked
    assert asked <= known
