"""System packages: installed where that is possible, named where it is not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from deploy.setup import system
from deploy.setup.steps import Report, StepFailed


def test_programs_that_are_there_need_nothing() -> None:
    report = Report()
    system.provide({"dash": "sh", "base-files": "/etc/debian_v*"}, report)
    assert report.lines == []


def test_who_is_not_root_is_told_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(StepFailed) as failed:
        system.provide(
            {"redis-server": "no-such-redis", "dash": "sh", "chromium": "/no/such/*/chromium-here"}, Report()
        )
    block = failed.value.block()
    assert "not on this machine: redis-server, chromium" in block
    assert "apt-get install -y --no-install-recommends redis-server chromium" in block


def test_root_installs_quietly_and_starts_no_service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = tmp_path / "calls"
    apt = tmp_path / "bin" / "apt-get"
    apt.parent.mkdir()
    apt.write_text(
        f'#!/bin/sh\necho "$DEBIAN_FRONTEND $(test -x {tmp_path}/policy && echo no-services) $*" >> {calls}\n'
    )
    apt.chmod(0o755)
    monkeypatch.setenv("PATH", f"{apt.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(system, "_POLICY", tmp_path / "policy")
    system.provide({"redis-server": "no-such-redis"}, Report())
    update, install = calls.read_text().splitlines()
    assert update.startswith("noninteractive no-services") and update.endswith(" update")
    assert install.endswith("install -y --no-install-recommends redis-server")
    assert not (tmp_path / "policy").exists()
