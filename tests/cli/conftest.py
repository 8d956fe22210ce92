"""The command as a user types it: a subprocess with a home of its own and none of the machine's variables."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[2]
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path


@pytest.fixture
def suture(home: Path) -> Run:
    """Run `suture ARGUMENTS`; keyword arguments are variables."""

    def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        kept = {k: v for k, v in os.environ.items() if k in ("PATH", "SUTURE_TOOLS", "LANG")}
        environment = {**kept, "HOME": str(home), "PYTHONPATH": str(SOURCE), "USER": "ada", **variables}
        return subprocess.run(
            [sys.executable, "-m", "suture.cli", *arguments],
            capture_output=True,
            check=False,
            text=True,
            env=environment,
            cwd=home,
            timeout=60,
        )

    return run
