"""Switches thrown from the command line hold for every process of the installation, and are told back."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from policies.limits import Limits
from suture.domain.governor import AdmissionState
from suture.memory.governor import SqlGovernor
from suture.memory.store import SqlMemory
from tests.governor.turns import turn


@pytest.fixture
def home(tmp_path: Path) -> Path:
    asyncio.run(answer(tmp_path, "none"))
    return tmp_path


async def answer(home: Path, name: str, **more: Any) -> AdmissionState:
    async with await SqlMemory.connect(f"sqlite:///{home}/memory.db") as memory:
        return (await SqlGovernor(memory.database, Limits.load()).admit(turn(name, **more))).state


def suture(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "SUTURE_USER": "ann",
        "TEMPORAL_ADDRESS": "127.0.0.1:1",
        "SUTURE_STATE_DIR": str(home),
    }
    command = [sys.executable, "-m", "suture.cli", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=100, check=False)


@pytest.mark.timeout(300)
def test_stop_freeze_and_back(home: Path) -> None:
    assert "stop by ann: it burns" in suture(home, "stop", "--reason", "it burns").stdout
    assert asyncio.run(answer(home, "web")) is AdmissionState.STOPPED
    assert "Temporal does not answer" in (resumed := suture(home, "resume").stdout)
    assert "lifted: stop" in resumed
    assert suture(home, "freeze", "sale", "--until", "2h", "-n", "shop").returncode == 0
    assert asyncio.run(answer(home, "web")) is AdmissionState.ASK
    shown = json.loads(suture(home, "governor", "--json").stdout)
    assert [(s["kind"], s["name"], s["by"], s["namespaces"]) for s in shown["switches"]] == [
        ("freeze", "sale", "ann", ["shop"])
    ]
    assert suture(home, "unfreeze", "sale").returncode == 0
    assert asyncio.run(answer(home, "web")) is AdmissionState.GRANTED
    assert "acts" in suture(home, "governor").stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("unfreeze", "none"), "no freeze 'none' holds"),
        (("freeze", "x", "--until", "2020-01-01"), "has passed already"),
    ],
)
def test_what_makes_no_sense_is_said(home: Path, arguments: tuple[str, ...], words: str) -> None:
    done = suture(home, *arguments)
    assert done.returncode != 0
    assert words in done.stderr
