"""Help, bad input, error messages: one clear line and what to do, the right exit code, never a traceback."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.conftest import SOURCE, Run

DECISIONS = ("approve", "reject", "comment", "delegate", "ack", "unack", "escalate", "cancel")
POSTMORTEM = ("list", "show", "done", "item", "close", "report")
COMMANDS = (
    "demo",
    "up",
    "down",
    "status",
    "incidents",
    "show",
    "export",
    "version",
    "report",
    "classify",
    *DECISIONS,
)
HEAVY = "torch temporalio sqlalchemy kubernetes pydantic sklearn fastapi grpc"


def test_help_names_every_command(suture: Run) -> None:
    shown = suture("--help")
    assert shown.returncode == 0
    assert all(command in shown.stdout for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(suture: Run, command: str) -> None:
    shown = suture(command, "--help")
    assert shown.returncode == 0, shown.stderr
    assert f"suture {command}" in shown.stdout


@pytest.mark.parametrize("command", POSTMORTEM)
def test_every_command_of_the_follow_up_explains_itself(suture: Run, command: str) -> None:
    shown = suture("postmortem", command, "--help")
    assert shown.returncode == 0, shown.stderr
    assert f"suture postmortem {command}" in shown.stdout


def test_help_loads_nothing_heavy_and_is_quick() -> None:
    program = (
        "import sys, suture.cli.main as m\n"
        "sys.argv = ['suture', '--help']\n"
        "try: m.main()\n"
        f"finally: assert not [n for n in '{HEAVY}'.split() if n in sys.modules], sorted(sys.modules)\n"
    )
    times = []
    for _ in range(3):
        began = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, cwd=SOURCE, check=False
        )
        times.append(time.monotonic() - began)
        assert done.returncode == 0, done.stderr
    assert min(times) < 0.5


def test_alone_it_shows_help(suture: Run) -> None:
    assert "Usage: suture" in suture().stdout


WRONG = [
    (("nonsense",), "No such command"),
    (("approve",), "say which incident, or --all"),
    (("approve", "web-1", "--all"), "--all goes without an ID"),
    (("approve", "web-1", "--set", "replicas"), "write FIELD=VALUE"),
    (("approve", "--all", "--failure-type", "rust"), "failure type 'rust' is unknown"),
    (("reject",), "Missing argument"),
    (("delegate", "web-1"), "Missing option '--to'"),
    (("up", "--listen", "nowhere"), "HOST:PORT"),
    (("up", "--listen", "127.0.0.1:99999"), "HOST:PORT"),
    (("up", "--policy", "missing.yaml"), "no file missing.yaml"),
    (("up", "--kubeconfig", "missing"), "no file missing"),
    (("up", "--cluster", "a/b"), "cluster"),
    (("incidents", "--outcome", "fine"), "healed, self_resolved, escalated, failed"),
    (("incidents", "--open", "--outcome", "healed"), "exclude each other"),
    (("incidents", "--limit", "0"), "--limit"),
    (("report", "deployment", "--summary", "x"), "kind/name"),
    (("report", "deployment/web/extra", "--summary", "x"), "kind/name"),
    (("report", "deployment/web", "--summary", "x", "--severity", "awful"), "low, medium, high or critical"),
    (("report", "deployment/web"), "--summary"),
    (("export", "out.csv"), "parquet"),
    (("export", "nowhere/out.jsonl"), "no folder"),
    (("export", "out.jsonl", "--since", "soon"), "30d"),
    (("approve", "web-1234", "--by", "x" * 200), "by"),
    (("postmortem", "done", "web-1234", "lunch"), "report, rca, improvement, review"),
    (("postmortem", "report", "web-1234", "--format", "pdf"), "md or html"),
]


@pytest.mark.parametrize(("arguments", "word"), WRONG, ids=[" ".join(a) for a, _ in WRONG])
def test_wrong_use_is_told_in_one_line_with_the_way_out(
    suture: Run, arguments: tuple[str, ...], word: str
) -> None:
    done = suture(*arguments)
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert word in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith("suture: ")
    assert len(done.stderr.splitlines()) <= 2


@pytest.mark.parametrize(
    ("option", "text", "word"),
    [
        ("--policy", "version: 1\nname: x\nrules: [{name: a, when: 'nope(', effect: approve}]", "line 3"),
        ("--policy", "rules: [", "not YAML"),
        ("--token-file", "\n", "empty"),
    ],
)
def test_a_bad_file_stops_the_start_before_any_server(
    suture: Run, home: Path, option: str, text: str, word: str
) -> None:
    (home / "file").write_text(text)
    done = suture("up", option, "file")
    assert done.returncode == 2
    assert word in done.stderr
    assert "Traceback" not in done.stderr
    assert not (home / ".local").exists()


def test_bad_rules_of_the_follow_up_stop_the_start_too(suture: Run, home: Path) -> None:
    (home / "rules.yaml").write_text("severities: [loud]")
    done = suture("up", SUTURE_POST_INCIDENT="rules.yaml")
    assert done.returncode == 2
    assert "severities.0" in done.stderr
    assert not (home / ".local").exists()


NOBODY = {"TEMPORAL_ADDRESS": "127.0.0.1:1"}


MORE = {"comment": ["looks right"], "delegate": ["--to", "bob"]}


@pytest.mark.parametrize("command", [*DECISIONS, "show"])
def test_without_an_installation_it_says_what_to_start(suture: Run, command: str) -> None:
    done = suture(command, "web-12345678", *MORE.get(command, []), **NOBODY)
    assert done.returncode == 1
    assert "no Temporal server answers at 127.0.0.1:1" in done.stderr
    assert "suture up" in done.stderr
    assert "Traceback" not in done.stderr


def test_debug_shows_where(suture: Run) -> None:
    assert "Traceback" in suture("--debug", "approve", "web-12345678", **NOBODY).stderr


def test_down_with_nothing_running(suture: Run) -> None:
    done = suture("down")
    assert done.returncode == 0
    assert "nothing of" in done.stdout


def test_status_with_nothing_running(suture: Run) -> None:
    done = suture("status", **NOBODY)
    assert done.returncode == 1
    assert "not running: start it with `suture up`" in done.stdout


def test_incidents_without_a_database_is_an_empty_list(suture: Run) -> None:
    done = suture("incidents", **NOBODY)
    assert done.returncode == 0
    assert done.stdout == "no incidents\n"
    assert "only ended incidents are shown" in done.stderr


def test_looking_makes_no_files(suture: Run, home: Path) -> None:
    suture("incidents", **NOBODY)
    suture("status", **NOBODY)
    assert not list(home.rglob("*.db"))


def test_export_without_a_database(suture: Run, home: Path) -> None:
    done = suture("export", "out.jsonl", **NOBODY)
    assert done.returncode == 1
    assert "no database yet" in done.stderr
    assert not (home / "out.jsonl").exists()


def test_passwords_are_not_shown(suture: Run) -> None:
    url = "postgresql://suture:hunter2@127.0.0.1:1/suture"
    for command in ("status", "incidents"):
        done = suture(command, SUTURE_DATABASE=url, **NOBODY)
        assert "hunter2" not in done.stdout + done.stderr


def test_the_demo_of_somebody_elses_folder_is_refused(suture: Run, home: Path) -> None:
    (home / "x" / "demo").mkdir(parents=True)
    (home / "x" / "demo" / "thesis.tex").touch()
    done = suture("--state-dir", "x", "demo")
    assert done.returncode == 1
    assert "not the demo's" in done.stdout + done.stderr
    assert (home / "x" / "demo" / "thesis.tex").exists()
