"""How one long step runs: output to a log, progress to the screen, a failure as one clear block."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

PROGRESS_SECONDS = 8.0
_RULE = "-" * 78
_ADVICE = (
    (
        r"no space left on device",
        "The disk is full: free some space (the servers need about 6 GB while they build).",
    ),
    (r"signal: killed|out of memory|cannot allocate memory", "The memory ran out: close other programs."),
    (
        r"dial tcp|no such host|[Cc]onnection refused|i/o timeout|Temporary failure|Could not connect"
        r"|error sending request",
        "A package registry was not reached: check the network and its proxy settings.",
    ),
    (
        r"(?i)(checksum|hash) mismatch|do not match the hashes",
        "A download is not what the pins say: do not use it.",
    ),
)


class Report:
    """Prints progress, a line at a time, and remembers whether there was any."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, line: str) -> None:
        self.lines.append(line)
        print(line, flush=True)


@dataclass
class StepFailed(Exception):
    """One step of the set-up did not work: what, why, and what to do about it."""

    step: str
    reason: str
    advice: str
    log: Path | None = None
    tail: list[str] = field(default_factory=list)

    def block(self) -> str:
        lines = ["", _RULE, f"FAILED      {self.step}: {self.reason}"]
        if self.tail:
            lines += ["            the log ends with:", *(f"    | {line}" for line in self.tail)]
        lines += ["What to do  " + self.advice.replace("\n", "\n" + " " * 12)]
        if self.log:
            lines.append(f"Whole log   {self.log}")
        return "\n".join([*lines, _RULE])


@dataclass(frozen=True)
class Finished:
    """A step that worked: how long it took, and what it printed."""

    seconds: float
    log: str


@dataclass
class Step:
    """A command that may take long. `progress` turns the log so far into a few words."""

    name: str
    command: Sequence[str]
    log: Path
    advice: str
    directory: Path | None = None
    environment: Mapping[str, str] | None = None
    progress: Callable[[str], str] = lambda log: ""

    def run(self, report: Report) -> Finished:
        """Runs the command to its end; raises StepFailed when it fails. The log is kept only then."""
        started = time.monotonic()
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("w") as output, self._started(output) as process:
            for seconds in _beats(process, started):
                said = self.progress(self._read())
                report.say(f"{self.name}: {said + ', ' if said else ''}{seconds:.0f} s")
        took = time.monotonic() - started
        if process.returncode:
            raise self._failure(
                f"`{Path(self.command[0]).name}` ended with {process.returncode} after {took:.0f} s"
            )
        finished = Finished(took, self._read())
        self.log.unlink()
        return finished

    @contextmanager
    def _started(self, output: IO[str]) -> Iterator[subprocess.Popen[bytes]]:
        """The running command; it does not outlive this program, whatever ends it."""
        try:
            process = subprocess.Popen(
                self.command,
                cwd=self.directory,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        except FileNotFoundError as error:
            raise self._failure(f"there is no `{self.command[0]}` on this machine") from error
        try:
            yield process
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait()

    def _failure(self, reason: str) -> StepFailed:
        log = self._read()
        known = [advice for pattern, advice in _ADVICE if re.search(pattern, log)]
        tail = [line for line in log.splitlines() if line.strip()][-15:]
        return StepFailed(self.name, reason, "\n".join([*known, self.advice]), self.log, tail)

    def _read(self) -> str:
        return self.log.read_text(errors="replace")


def _beats(process: subprocess.Popen[bytes], started: float) -> Iterator[float]:
    """The seconds since the start, every few seconds until the process has ended."""
    while True:
        try:
            process.wait(timeout=PROGRESS_SECONDS)
            return
        except subprocess.TimeoutExpired:
            yield time.monotonic() - started
