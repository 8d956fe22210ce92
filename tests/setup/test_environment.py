"""The Python environment: pinned, complete, and made once."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from deploy.setup import environment
from deploy.setup.environment import UV_PIN, environment_key
from deploy.setup.main import CHECKOUT
from deploy.setup.steps import Report


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    for name in ("pyproject.toml", "requirements.lock"):
        shutil.copy(CHECKOUT / name, tmp_path)
    return tmp_path


@pytest.mark.parametrize("lock", [CHECKOUT / "requirements.lock", UV_PIN], ids=["requirements", "uv"])
def test_every_pin_has_hashes_and_names_no_host(lock: Path) -> None:
    text = lock.read_text()
    pins = re.split(r"\n(?=\S)", text.strip())
    assert all(re.match(r"[\w.-]+(\[[\w,-]+\])?==\S+", pin) for pin in pins)
    assert all("--hash=sha256:" in pin for pin in pins)
    assert "://" not in text
    assert "--index" not in text


def test_the_environment_is_made_anew_when_its_lock_or_its_metadata_changes(checkout: Path) -> None:
    before = environment_key(checkout)
    assert environment_key(checkout) == before
    project = checkout / "pyproject.toml"
    project.write_text(project.read_text().replace("line-length = 110", "line-length = 100"))
    assert environment_key(checkout) == before, "the linter's settings install nothing"
    project.write_text(project.read_text().replace('"rich>=15"', '"rich>=16"'))
    changed = environment_key(checkout)
    assert changed != before
    (checkout / "requirements.lock").write_text("")
    assert environment_key(checkout) not in (before, changed)


def fake_install(checkout: Path, uv: Path, works: bool, report: Report) -> None:
    report.say("installed" if works else "made and installed")
    if not works:
        subprocess.run(
            [sys.executable, "-m", "venv", "--without-pip", "--clear", checkout / ".venv"], check=True
        )


def test_a_second_call_does_nothing_and_a_broken_environment_is_made_anew(
    checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(environment, "installer", lambda report: Path("uv"))
    monkeypatch.setattr(environment, "_install", fake_install)

    def said() -> list[str]:
        report = Report()
        environment.provide(checkout, report)
        return report.lines

    assert said() == ["made and installed"]
    assert said() == []
    (checkout / "requirements.lock").write_text("")
    assert said() == ["installed"]
    (checkout / ".venv" / "bin" / "python").unlink()
    assert said() == [
        "python: .venv is broken or made for another Python; making it anew",
        "made and installed",
    ]


@pytest.mark.skipif(
    not (CHECKOUT / ".venv" / ".suture-stamp").exists(), reason="the checkout has no .venv of its own"
)
def test_a_checkout_that_is_set_up_is_recognised_in_less_than_a_second() -> None:
    assert min(setup_seconds() for _ in range(3)) < 1


def setup_seconds() -> float:
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "deploy.setup", "python", "tools"],
        cwd=CHECKOUT,
        env={key: value for key, value in os.environ.items() if key != "VIRTUAL_ENV"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == ""
    return time.monotonic() - started
