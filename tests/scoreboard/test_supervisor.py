"""Whoever is killed comes back, and nobody is left behind."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lab.scoreboard import supervisor as module
from lab.scoreboard.supervisor import RESTARTS, Supervisor

LIVES = "import time; print('up', flush=True); time.sleep(60)"
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {LIVES}"
Make = Callable[[str], Supervisor]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    made: list[Supervisor] = []

    def start(code: str) -> Supervisor:
        child = Supervisor([sys.executable, "-c", code], os.environ, tmp_path, tmp_path / "log")
        made.append(child)
        child.start()
        return child

    yield start
    for child in made:
        child.stop(0.5)


def _until(true: Callable[[], object]) -> None:
    end = time.monotonic() + 10
    while not true():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


def _ups(folder: Path) -> int:
    return (folder / "log").read_text().count("up")


def _gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_what_is_killed_is_started_again(make: Make, tmp_path: Path) -> None:
    child = make(LIVES)
    seen: set[int | None] = set()
    for round_ in range(1, 4):
        _until(lambda: child.pid and child.pid not in seen and _ups(tmp_path) == len(seen) + 1)
        seen.add(child.pid)
        assert child.kill()
        assert child.kills == round_
    _until(lambda: child.pid and child.pid not in seen)
    assert child.ends == 0
    seen.add(child.pid)
    child.stop()
    assert child.pid is None
    assert all(_gone(pid) for pid in seen if pid)


def test_what_ends_by_itself_is_started_again_but_not_for_ever(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PAUSE_SECONDS", 0.01)
    child = make("raise SystemExit(3)")
    _until(lambda: child.broken)
    assert (child.ends, child.kills) == (RESTARTS + 1, 0)
    _until(lambda: child.pid is None)
    assert not child.kill()


def test_an_end_by_a_stranger_is_no_kill_of_ours(make: Make) -> None:
    child = make(LIVES)
    first = child.pid
    assert first
    os.kill(first, signal.SIGKILL)
    _until(lambda: child.pid not in (None, first))
    assert (child.kills, child.ends) == (0, 1)


def test_nobody_outlives_a_stop(make: Make, tmp_path: Path) -> None:
    child = make(STUBBORN)
    _until(lambda: _ups(tmp_path) == 1)
    pid = child.pid
    assert pid
    child.stop(grace=0.2)
    assert _gone(pid)
    assert not child.kill()
    time.sleep(0.2)
    assert (child.pid, _ups(tmp_path)) == (None, 1)


def test_a_stop_while_it_starts_again(make: Make) -> None:
    child = make(LIVES)
    child.kill()
    child.stop()
    assert child.pid is None
