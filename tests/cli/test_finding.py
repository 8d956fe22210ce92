"""What a command attaches to: which Temporal and which cluster count as named, and how ids are read."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lab.demo.engine import environment
from lab.processes import Process
from lab.stack import Runtime
from suture.cli import attach, config, lookup
from suture.cli.export import moment
from suture.cli.output import duration
from suture.cli.problems import WrongUse
from suture.cli.report import proper_kind


@pytest.fixture(autouse=True)
def nothing_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    before = dict(os.environ)  # commands set variables of their own, which monkeypatch does not know
    for name in list(os.environ):
        if name.startswith(("TEMPORAL_", "SUTURE_", "KUBE", "XDG_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.mark.parametrize("name", ["TEMPORAL_ADDRESS", "TEMPORAL_PROFILE"])
def test_a_variable_names_the_temporal_server(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    assert not config.temporal_named()
    monkeypatch.setenv(name, "somewhere")
    assert config.temporal_named()


def test_temporals_own_configuration_names_the_server(tmp_path: Path) -> None:
    file = tmp_path / ".config" / "temporalio" / "temporal.toml"
    file.parent.mkdir(parents=True)
    file.write_text("[profile.default]\nnamespace = 'x'\n")
    assert not config.temporal_named()
    file.write_text("[profile.default]\naddress = 'temporal:7233'\n")
    assert config.temporal_named()
    file.write_text("not toml at all [")
    assert not config.temporal_named()


def test_a_kubeconfig_counts_only_when_it_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".kube").mkdir()
    (tmp_path / ".kube" / "config").touch()
    assert config.cluster_lies_there()
    assert not config.cluster_named(config.load())
    assert config.cluster_named(config.load(context="prod"))
    assert config.cluster_named(config.load(kubeconfig="x"))
    monkeypatch.setenv("KUBECONFIG", "x")
    assert config.cluster_named(config.load())


def _note(state_dir: Path, embedded: list[str]) -> None:
    Runtime(
        process=Process.current("engine"),
        gateway="http://127.0.0.1:1",
        temporal="127.0.0.1:4711",
        cluster="lab",
        database="sqlite:///x.db",
        ui="http://127.0.0.1:2",
        embedded=embedded,
    ).save(state_dir)


def test_commands_follow_the_note(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SUTURE_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("TEMPORAL_NAMESPACE", "other")
    _note(tmp_path / "state", ["temporal"])
    found = attach.find()
    assert found.settings.database == "sqlite:///x.db"
    assert found.settings.cluster == "lab"
    assert os.environ["TEMPORAL_ADDRESS"] == "127.0.0.1:4711"
    assert os.environ["TEMPORAL_NAMESPACE"] == "default"
    assert (
        found.workflow_url("incident/a/b")
        == "http://127.0.0.1:2/namespaces/default/workflows/incident%2Fa%2Fb"
    )


def test_variables_override_the_note(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SUTURE_STATE_DIR", str(tmp_path))
    monkeypatch.setenv("TEMPORAL_ADDRESS", "mine:7233")
    monkeypatch.setenv("SUTURE_DATABASE", "sqlite:///mine.db")
    monkeypatch.setenv("SUTURE_CLUSTER", "mine")
    _note(tmp_path, ["temporal"])
    found = attach.find()
    assert (found.settings.database, found.settings.cluster) == ("sqlite:///mine.db", "mine")
    assert os.environ["TEMPORAL_ADDRESS"] == "mine:7233"


def test_a_state_dir_on_the_command_line_overrides_variables(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SUTURE_STATE_DIR", str(tmp_path))
    monkeypatch.setenv("SUTURE_STATE_DIR_NAMED", "1")
    monkeypatch.setenv("TEMPORAL_ADDRESS", "mine:7233")
    _note(tmp_path, ["temporal"])
    attach.find()
    assert os.environ["TEMPORAL_ADDRESS"] == "127.0.0.1:4711"


def test_the_demo_inherits_nothing_that_names_another_system() -> None:
    given = {
        "PATH": "/bin",
        "KUBECONFIG": "prod",
        "KUBERNETES_SERVICE_HOST": "10.0.0.1",
        "TEMPORAL_ADDRESS": "prod",
        "TEMPORAL_API_KEY": "key",
        "SUTURE_DATABASE": "postgresql://prod",
        "SUTURE_AUTOPILOT": "1",
        "SUTURE_TOOLS": "/tools",
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://prod",
    }
    made = environment(given, Path("x.log"))
    assert made["SUTURE_TOOLS"] == "/tools"
    assert made["PATH"] == "/bin"
    assert "prod" not in " ".join(made.values())
    assert not {"KUBECONFIG", "KUBERNETES_SERVICE_HOST", "TEMPORAL_API_KEY", "SUTURE_AUTOPILOT"} & set(made)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("incident/lab/shop/deployment/cart", "incident/lab/shop/deployment/cart"),
        ("shop/deployment/cart", "incident/lab/shop/deployment/cart"),
        ("shop/Deployment/cart", "incident/lab/shop/deployment/cart"),
        ("node/worker-1", "incident/lab/node/worker-1"),
        ("cart-1a2b3c4d", None),
        ("cart", None),
    ],
)
def test_what_names_a_workflow(text: str, found: str | None) -> None:
    assert lookup.workflow_id_of(text, "lab") == found


@pytest.mark.parametrize("text", ["a/b/c/d", "/", "a//b", "/a"])
def test_what_names_nothing(text: str) -> None:
    with pytest.raises(WrongUse, match="names no incident"):
        lookup.workflow_id_of(text, "lab")


@pytest.mark.parametrize(
    ("text", "fits"),
    [("cart", True), ("cart-1a2b", True), ("c", True), ("cart-service-1", False), ("basket", False)],
)
def test_only_workflows_that_can_be_meant_are_asked(text: str, fits: bool) -> None:
    assert lookup.may_be(text, "incident/lab/shop/deployment/cart") is fits


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("deploy", "Deployment"),
        ("deployments", "Deployment"),
        ("ingresses", "Ingress"),
        ("networkpolicies", "NetworkPolicy"),
        ("StatefulSet", "StatefulSet"),
        ("Widget", "Widget"),
    ],
)
def test_kinds_as_people_type_them(text: str, kind: str) -> None:
    assert proper_kind(text) == kind


def test_ages_and_dates() -> None:
    now = datetime(2026, 1, 31, 12, tzinfo=UTC)
    assert moment("2h", now).hour == 10
    assert moment("30d", now).day == 1
    assert moment("2026-07-01") == datetime(2026, 7, 1, tzinfo=UTC)
    with pytest.raises(WrongUse):
        moment("-3d")


def test_durations() -> None:
    shown = [duration(s) for s in (None, 0, 3.24, 75, 7300, 200_000)]
    assert shown == ["-", "0.0s", "3.2s", "1m15s", "2h01m", "2d07h"]
