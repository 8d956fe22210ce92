"""Started processes are ended, others never."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

from lab.processes import Process, free_ports, listening, port_is_free, start, stop

_STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("up", flush=True)
time.sleep(60)
"""


def _python(code: str, log: Path) -> Process:
    return start("child", [sys.executable, "-c", code], log)


def test_a_process_is_stopped_even_if_it_is_suspended(tmp_path: Path) -> None:
    child = _python("import time; time.sleep(60)", tmp_path / "log")
    child.send(signal.SIGSTOP)
    assert child.alive()
    stop([child])
    assert not child.alive()


def test_a_stubborn_process_is_killed(tmp_path: Path) -> None:
    child = _python(_STUBBORN, tmp_path / "log")
    while "up" not in (tmp_path / "log").read_text():
        time.sleep(0.02)
    stop([child], grace=0.2)
    assert not child.alive()


def test_a_recycled_pid_is_left_alone() -> None:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as stranger:
        record = Process(name="former", pid=stranger.pid, started=1, boot=Process.current("me").boot)
        assert not record.alive()
        stop([record])
        assert stranger.poll() is None
        stranger.kill()


def test_a_record_of_another_boot_is_not_alive() -> None:
    me = Process.current("me")
    assert me.alive()
    assert not me.model_copy(update={"boot": "yesterday"}).alive()


def test_ports() -> None:
    first, second = free_ports(2)
    assert first != second
    assert port_is_free(first)
    assert not listening(first)
