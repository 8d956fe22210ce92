"""Verdicts and incidents as a run might have brought them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from lab.scenario.judge import Verdict
from lab.scoreboard.figures import Result
from lab.scoreboard.healings import Deed, Healing
from lab.scoreboard.report import Conditions

START = datetime(2026, 5, 4, 3, 0, tzinfo=UTC)


def at(seconds: float) -> datetime:
    """So many seconds after the fault."""
    return START + timedelta(seconds=seconds)


def verdict(name: str = "a", family: str = "image", **changes: Any) -> Verdict:
    """A fault at 0 s, its alert at 5 s, healed `heal_s` after that, judged at 60 s."""
    given: dict[str, Any] = {
        "control": family == "control",
        "ok": True,
        "healed": True,
        "heal_s": 4.0,
        "took": 70.0,
        "namespace": f"shop-{name}",
        "fault_at": START,
        "alert_at": at(5),
        "judged_at": at(60),
    }
    return Verdict(name, family, **{**given, **changes})


def healing(*plans: str, ns: str = "shop-a", detected: float = 1.0, **changes: Any) -> Healing:
    """An incident in which these plans were carried out, the first at 6 s, then every 10 s."""
    deeds = [Deed(plan, at(6 + 10 * i), at(6.5 + 10 * i)) for i, plan in enumerate(plans)]
    given: dict[str, Any] = {"target": f"Deployment/{ns}/web", "cause": "image_pull", "method": "execute"}
    return Healing(
        incident_id=f"web-{ns}",
        namespace=changes.pop("namespace", ns),
        name=changes.pop("name", "web"),
        detected_at=at(detected),
        deeds=deeds,
        **{**given, **changes},
    )


def results() -> list[Result]:
    """Five faults (one not healed, one with collateral) and two controls (one of them meddled with)."""
    return [
        Result(verdict("a", heal_s=4.0), [healing("0/x")]),
        Result(verdict("b", heal_s=8.0), [healing("0/x", "1/y", ns="shop-b")]),
        Result(verdict("c", "probe", heal_s=30.0), [healing("0/x", "1/y", "2/z", ns="shop-c")]),
        Result(verdict("d", "probe", ok=False, healed=False, heal_s=None, note="not true: ['healthy()']")),
        Result(verdict("e", "quota", ok=False, collateral=["Secret/s deleted", "Role/r:rules: a | b"])),
        Result(verdict("f", "control", heal_s=None)),
        Result(verdict("g", "control", ok=False, heal_s=None, collateral=["engine: patch deployments"])),
    ]


def conditions(**changes: Any) -> Conditions:
    """Those of an ordinary run."""
    given: dict[str, Any] = {"seconds": 300.0, "jobs": 2, "settle": 15, "sustain": 10, "timeout": 180}
    return Conditions(started_at=START, **{**given, **changes})
