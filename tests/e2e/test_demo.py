"""`suture demo` as a user runs it, on a machine whose variables name other systems."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = [pytest.mark.cluster, pytest.mark.temporal, pytest.mark.slow, pytest.mark.timeout(300)]

SOURCE = Path(__file__).resolve().parents[2]
ELSEWHERE = {
    "KUBECONFIG": "/nonexistent/production",
    "TEMPORAL_ADDRESS": "production.example.com:7233",
    "TEMPORAL_NAMESPACE": "production",
    "SUTURE_DATABASE": "postgresql://production.example.com/suture",
    "SUTURE_PROTECTED_NAMESPACES": '["bookstore"]',
}


def _command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "suture.cli", *arguments]


def _environment(home: Path) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if k in ("PATH", "SUTURE_TOOLS", "XDG_CACHE_HOME", "LANG")}
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")  # where the built servers are
    return {**kept, **ELSEWHERE, "HOME": str(home), "XDG_CACHE_HOME": cache, "PYTHONPATH": str(SOURCE)}


def _left_behind(home: Path) -> list[str]:
    """Processes that still have the demo's directory in their command line."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = file.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(home) in command:
            found.append(command)
    return found


def test_three_incidents_are_healed_and_nothing_is_left(tmp_path: Path) -> None:
    began = time.monotonic()
    done = subprocess.run(
        _command("demo"),
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        env=_environment(tmp_path),
        cwd=tmp_path,
        timeout=240,
    )
    log = tmp_path / ".local/state/suture/demo/suture.log"
    assert done.returncode == 0, done.stdout + done.stderr + log.read_text()[-3000:]
    assert "3 of 3 healed" in done.stdout
    for stage in ("detect", "classify", "route", "approve", "execute", "verify", "memorize"):
        assert len(re.findall(rf"^ +[\d.]+ s  {stage}\b", done.stdout, re.M)) >= 3
    links = re.findall(
        r"^(\S+): http://127\.0\.0\.1:\d+/namespaces/default/workflows/(\S+)$", done.stdout, re.M
    )
    assert [name.rpartition("-")[0] for name, _ in links] == ["orders", "basket", "storefront"]
    assert links[0][1] == "incident%2Flab%2Fbookstore%2Fdeployment%2Forders"
    assert "nobody answered: the demo approves by itself" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    assert _left_behind(tmp_path) == []
    print(f"the demo took {time.monotonic() - began:.0f} s")


def test_ctrl_c_stops_exactly_what_it_started(tmp_path: Path) -> None:
    demo = subprocess.Popen(
        [
            "env",
            "--default-signal=INT",
            *_command("demo"),
        ],  # background jobs of a shell inherit that it is ignored
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
        env=_environment(tmp_path),
        cwd=tmp_path,
    )
    try:
        deadline = time.monotonic() + 60
        while not any("kube-apiserver" in c for c in _left_behind(tmp_path)):
            assert time.monotonic() < deadline and demo.poll() is None
            time.sleep(0.2)
        demo.send_signal(signal.SIGINT)
        _, errors = demo.communicate(timeout=90)
    finally:
        demo.kill()
    assert demo.returncode == 130
    assert "Traceback" not in errors
    assert _left_behind(tmp_path) == []
