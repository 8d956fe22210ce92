"""What a person sees of a long or a failed step."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

import pytest

from deploy.setup import steps
from deploy.setup.locks import alone
from deploy.setup.steps import Report, Step, StepFailed


def python(code: str, tmp_path: Path) -> Step:
    return Step("a step", [sys.executable, "-c", code], tmp_path / "log", "Do this.\nOr that.")


def test_progress_is_told_while_a_step_lasts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "PROGRESS_SECONDS", 0.1)
    report, step = Report(), python("import time; print('x' * 3, flush=True); time.sleep(0.8)", tmp_path)
    step.progress = lambda log: f"{log.count('x')} done"
    finished = step.run(report)
    assert "a step: 3 done, 0 s" in report.lines
    assert finished.log == "xxx\n"
    assert not step.log.exists()


@pytest.mark.parametrize(
    ("said", "advice"),
    [
        ("write a.o: no space left on device", "The disk is full"),
        ("compile: signal: killed", "The memory ran out"),
        ("dial tcp: lookup somewhere: no such host", "A package registry was not reached"),
        ("verifying module: checksum mismatch", "do not use it"),
    ],
)
def test_a_known_cause_gets_its_own_advice(tmp_path: Path, said: str, advice: str) -> None:
    with pytest.raises(StepFailed) as failed:
        python(f"print({said!r}); raise SystemExit(7)", tmp_path).run(Report())
    assert "ended with 7" in failed.value.reason
    assert advice in failed.value.advice
    assert failed.value.block().rstrip("-").endswith(f"Whole log   {tmp_path / 'log'}\n")


def test_a_program_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(StepFailed, match="there is no `no-such-program`"):
        Step("a step", ["no-such-program"], tmp_path / "log", "Get it.").run(Report())


def test_a_second_set_up_waits_and_says_so(tmp_path: Path) -> None:
    first, second, entered = Report(), Report(), threading.Event()

    def wait_for_lock() -> None:
        with alone(tmp_path / "lock", "servers", second):
            entered.set()

    with alone(tmp_path / "lock", "servers", first):
        waiting = threading.Thread(target=wait_for_lock)
        waiting.start()
        assert not entered.wait(0.5)
    waiting.join(5)
    assert entered.is_set()
    assert first.lines == []
    assert second.lines == ["servers: another set-up is making this; waiting, 0 s"]
