"""Scenario files: what is wrong in one is said with file and field, and the lab's own ones are complete."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab import apps
from lab.cluster import LabError
from lab.scenario import model
from lab.scenario.audit import AuditLog
from lab.scenario.expressions import Expressions
from lab.scenario.judge import Verdict
from lab.scenario.model import load_scenario
from lab.scenario.run import OWN, files_of, line, totals
from tests.lab.builders import NS, config_map, pod, service, world

GOOD: dict[str, Any] = {
    "name": "n",
    "app": "bookstore",
    "fault": [{"delete": "Service/$NS-x"}],
    "reference_fix": [{"restore": ["Service/$NS-x"]}],
}


def _load(tmp_path: Path, **changes: Any) -> model.Scenario:
    file = tmp_path / "case.yaml"
    file.write_text(yaml.safe_dump({**GOOD, **changes}))
    return load_scenario(file, "shop-1")


def test_one_or_many_and_the_namespace_is_filled_in(tmp_path: Path) -> None:
    scenario = _load(tmp_path, healthy="healthy()")
    assert scenario.healthy == ["healthy()"]
    (fault,) = scenario.fault
    assert isinstance(fault, model.Delete)
    assert fault.delete == ["Service/shop-1-x"]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"fault": [{"destroy": "all"}]}, "fault.0: not a step"),
        ({"fault": [{"delete": "Servise/x"}]}, "'Servise/x' is not Kind/name"),
        ({"fault": [{"patch": "Service/x"}]}, "exactly one of strategic, merge and json"),
        ({"fault": [{"zone_down": "zone-x"}]}, "fault.0.zone_down.zone_down"),
        ({"fault": [{"sleep": 1, "limt": 3}]}, "limt"),
        ({"healthy": "healthy("}, "healthy.0"),
        ({"control": True}, "a control has nothing to heal"),
        ({"reference_fix": []}, "needs fault and reference_fix"),
        ({"sympton": "True"}, "sympton"),
        ({"baseline": {"kind": "Service"}}, "baseline.0"),
    ],
)
def test_mistakes_are_found_when_the_file_is_read(tmp_path: Path, changes: Any, problem: str) -> None:
    with pytest.raises(LabError, match=r"case\.yaml") as raised:
        _load(tmp_path, **changes)
    assert problem in str(raised.value)


@pytest.mark.parametrize("file", files_of([]), ids=lambda file: file.stem)
def test_the_labs_own_scenarios_can_be_read(file: Path) -> None:
    scenario = load_scenario(file)
    assert scenario.name == file.stem
    assert scenario.alert is not None
    assert apps.load(scenario.app, "ns")[0]


def test_unknown_places_are_refused(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="no such scenario"):
        files_of([tmp_path / "none.yaml"])
    assert [f.stem for f in files_of([OWN], "control-s[ct]*")] == [
        "control-scaled-down",
        "control-scaled-up",
        "control-scaled-while-it-rolls",
        "control-stale-alert",
    ]


def test_the_labs_own_scenarios_are_many_and_of_many_kinds() -> None:
    scenarios = [load_scenario(file) for file in files_of([])]
    assert sum(s.control for s in scenarios) >= 8
    assert len({s.family for s in scenarios}) >= 30
    assert all(s.alert and s.alert.labels.get("alertname") for s in scenarios)


def test_expressions() -> None:
    here = world(
        config_map("a", x="1"), pod("web"), pod("api"), service("api", 80, 8080), api={"listen": [8080]}
    )
    base = {"ConfigMap/a": config_map("a", x="1"), "ConfigMap/b": config_map("b")}
    view = Expressions(here, NS, base)
    true = [
        "same('ConfigMap/a')",
        "reach('web', 'api:80')",
        "reach('outside', 'api:80')",
        "val('ConfigMap/a', 'data.x') == '1'",
        "len(pods()) == 2 and all(is_ready(p) for p in pods('web'))",
        "any(k == 'x' for k in obj('ConfigMap/a')['data'])",
    ]
    false = ["same('ConfigMap/b')", "reach('nobody', 'api:80')", "waiting('web', 'x')", "available()"]
    assert view.untrue(true) == []
    assert view.untrue(false) == false


def test_the_longest_path_of_the_ingress_wins() -> None:
    def path(text: str, name: str, kind: str = "Prefix") -> dict[str, Any]:
        backend = {"service": {"name": name, "port": {"number": 80}}}
        return {"path": text, "pathType": kind, "backend": backend}

    paths = [path("/", "web"), path("/api", "api"), path("/exact", "one", "Exact")]
    spec = {"ingressClassName": "nginx", "rules": [{"host": "h", "http": {"paths": paths}}]}
    ingress = {"kind": "Ingress", "metadata": {"name": "i", "namespace": NS}, "spec": spec}
    view = Expressions(world(ingress), NS, {})
    answers = [view.ingress("h", p) for p in ("/", "/api/x", "/apix", "/exact", "/exact/no")]
    assert answers == ["web:80", "api:80", "web:80", "one:80", "web:80"]
    assert view.ingress("other", "/") == ""


def _event(user: str, verb: str = "patch", uri: str = "/x", **ref: str) -> str:
    resource = {"resource": "deployments", "namespace": "shop-1", "name": "web", **ref}
    event = {"user": {"username": user}, "verb": verb, "requestURI": uri, "objectRef": resource}
    return json.dumps({**event, "responseStatus": {"code": 200}}) + "\n"


def test_only_real_writes_of_the_engine_count(tmp_path: Path) -> None:
    log = tmp_path / "audit.log"
    log.write_text(_event("engine", name="before"))
    audit = AuditLog(tmp_path)
    mark = audit.mark()
    with log.open("a") as out:
        out.write(_event("engine") + _event("admin") + _event("engine", uri="/x?dryRun=All"))
        out.write(_event("engine", namespace="other-1") + _event("engine", resource="events"))
        out.write(_event("engine", resource="pods", subresource="eviction", verb="create"))
        out.write('{"half a line')
    writes = audit.engine_writes(mark, "shop-1")
    assert writes == ["patch deployments shop-1/web 200", "create pods/eviction shop-1/web 200"]
    log.rename(tmp_path / "audit-1.log")
    log.write_text(_event("engine", verb="delete"))
    assert [w.split()[0] for w in audit.engine_writes(mark, "shop-1")] == ["patch", "create", "delete"]


def test_what_belongs_to_a_trial_beside_this_one_is_not_counted_here(tmp_path: Path) -> None:
    (tmp_path / "audit.log").touch()
    audit = AuditLog(tmp_path)
    mark = audit.mark()
    hook = {"resource": "validatingwebhookconfigurations", "namespace": ""}
    events = [_event("engine", name=f"{ns}-policy", **hook) for ns in ("shop-1", "shop-2")]
    events.append(_event("engine", resource="nodes", namespace="", name="node-1"))
    (tmp_path / "audit.log").write_text("".join(events))
    writes = audit.engine_writes(mark, "shop-1", ["shop-2", "shop-3"])
    assert [w.split()[2] for w in writes] == ["/shop-1-policy", "/node-1"]
    assert len(audit.engine_writes(mark, "shop-1")) == 3


def test_totals_and_lines() -> None:
    good = Verdict("a", "f", control=False, ok=True, healed=True, heal_s=4.0)
    messy = Verdict("b", "f", control=False, healed=True, heal_s=9.0, collateral=["Secret/s deleted"])
    false = Verdict("c", "control", control=True, collateral=["engine: patch"])
    figures = totals([good, messy, false], wall=1.26)
    assert (figures["success"], figures["healed"], figures["with_collateral"]) == (1, 2, 1)
    assert (figures["success_percent"], figures["false_actions"], figures["median_heal_s"]) == (50.0, 1, 4.0)
    assert line(good).startswith("PASS  a")
    assert "changed: Secret/s deleted" in line(messy)
