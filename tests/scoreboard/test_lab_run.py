"""`suture lab run` as a user calls it: a real cluster, a real engine, a fault and a control, and nothing left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

SOURCE = Path(__file__).resolve().parents[2]
pytestmark = [pytest.mark.cluster, pytest.mark.temporal, pytest.mark.slow, pytest.mark.timeout(240)]
Launch = Callable[..., "subprocess.Popen[str]"]
QUICK = ("--settle", "2", "--sustain", "2", "--observe", "4", "--timeout", "60")


@pytest.fixture
def launch(tmp_path: Path) -> Iterator[Launch]:
    """Start `suture lab run ARGUMENTS` in a home of its own; the user's variables must not matter."""
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    kept = {k: v for k, v in os.environ.items() if k in ("PATH", "SUTURE_TOOLS", "LANG")}
    strangers = {"KUBECONFIG": "/nowhere/config", "TEMPORAL_ADDRESS": "127.0.0.1:1"}
    own = {"HOME": str(tmp_path), "XDG_CACHE_HOME": cache, "PYTHONPATH": str(SOURCE), **strangers}
    children: list[subprocess.Popen[str]] = []

    def start(*arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "suture.cli", "--state-dir", str(tmp_path / "state"), "lab", "run"]
        child = subprocess.Popen(
            [*command, *QUICK, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**kept, **own},
            cwd=tmp_path,
        )
        children.append(child)
        return child

    yield start
    for child in children:
        if child.poll() is None:
            child.terminate()
            child.communicate(timeout=60)
    assert not _left(tmp_path)


def _left(folder: Path) -> list[str]:
    """The command lines of processes that work in this folder."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = file.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(folder) in line and "lab run" not in line:
            found.append(line)
    return found


def _report(output: str, file: Path) -> dict[str, Any]:
    assert file.exists(), output
    document: dict[str, Any] = json.loads(file.read_text())
    return document


def test_a_fault_heals_a_control_is_left_alone_and_crashes_do_not_matter(
    launch: Launch, tmp_path: Path
) -> None:
    wanted = ("--crash", "--seed", "3")
    own = [
        str(SOURCE / f"lab/scenarios/{name}.yaml") for name in ("mistyped-image", "control-alert-resolved")
    ]
    run = launch(*own, *wanted, "--json", "out/board.json", "--markdown", "out/board.md")
    output, _ = run.communicate(timeout=180)
    document = _report(output, tmp_path / "out" / "board.json")
    by_name = {s["name"]: s for s in document["scenarios"]}
    assert run.returncode == 0, output
    assert by_name["mistyped-image"]["ok"] and by_name["control-alert-resolved"]["ok"]
    assert by_name["mistyped-image"]["attempts"] == 1
    assert by_name["mistyped-image"]["incidents"]
    assert by_name["control-alert-resolved"]["writes"] == []
    assert document["conditions"]["kills"] >= 1
    assert document["conditions"]["ends"] == 0
    assert "repair" in output and "PASS  mistyped-image" in output
    assert "# Scoreboard" in (tmp_path / "out" / "board.md").read_text()
    assert (tmp_path / "out" / "board.svg").exists()


def test_what_is_broken_off_leaves_nothing_running(launch: Launch) -> None:
    run = launch("--only", "mistyped-image")
    assert run.stdout
    seen = ""
    while "repair" not in seen:
        line = run.stdout.readline()
        assert line, seen
        seen += line
    began = time.monotonic()
    run.send_signal(signal.SIGINT)
    time.sleep(0.5)
    run.send_signal(signal.SIGINT)  # impatience changes nothing
    run.communicate(timeout=60)
    assert run.returncode == 130
    assert time.monotonic() - began < 60


def test_mistakes_are_told_before_anything_is_started(launch: Launch, tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("name: bad\napp: bookstore\nfault: [{explode: now}]\n")
    for arguments, told in (
        (["--only", "nothing-*"], "no scenario fits"),
        ([str(tmp_path / "none.yaml")], "no such scenario"),
        ([str(tmp_path / "bad.yaml")], "fault.0: not a step"),
    ):
        run = launch(*arguments)
        output, _ = run.communicate(timeout=30)
        assert (run.returncode, told in output) == (1, True), output
        assert not (tmp_path / "state" / "scoreboard").exists()
