"""What the kubelet remembers about a container, and the log that the container wrote."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from lab.case import Boot, Fate
from lab.objects import Obj, dig, seconds_of, timestamp


@dataclass
class Log:
    """Lines of the present and the former run of a container, with the time of each."""

    current: list[tuple[float, str]] = field(default_factory=list)
    previous: list[tuple[float, str]] = field(default_factory=list)

    def begin(self) -> None:
        """A new run: what was written before belongs to the former one."""
        if self.current:
            self.previous, self.current = self.current, []

    def write(self, text: str) -> None:
        """Append lines, except one that only says the last one again."""
        for line in text.splitlines():
            if not self.current or self.current[-1][1] != line:
                self.current.append((time.time(), line))


@dataclass
class ContainerMemory:
    """The history of one container of one pod."""

    boot: Boot | None = None
    """Set while the container runs."""
    started: float = 0.0
    restarts: int = 0
    retry_at: float = 0.0
    last: Fate | None = None
    last_ran: tuple[float, float] = (0.0, 0.0)
    done: bool = False
    log: Log = field(default_factory=Log)

    @classmethod
    def from_status(cls, status: Obj | None) -> ContainerMemory:
        """Pick up a container that ran before the kubelet itself was started again."""
        memory = cls()
        if not status:
            return memory
        memory.restarts = status.get("restartCount", 0)
        ended: Any = dig(status, "state.terminated") or dig(status, "lastState.terminated")
        if ended:
            memory.last = Fate(
                "crash", ended.get("reason", "Error"), ended.get("message", ""), ended["exitCode"]
            )
            memory.last_ran = (_moment(ended.get("startedAt")), _moment(ended.get("finishedAt")))
            memory.done = "terminated" in status["state"] and ended["exitCode"] == 0
        memory.started = _moment(dig(status, "state.running.startedAt"))
        return memory


def _moment(stamp: str | None) -> float:
    return seconds_of(stamp) if stamp else 0.0


def ended(fate: Fate, ran: tuple[float, float]) -> Obj:
    """A `terminated` container state."""
    return {
        "exitCode": fate.exit,
        "reason": fate.reason,
        "message": fate.message,
        "startedAt": timestamp(ran[0]),
        "finishedAt": timestamp(ran[1]),
    }
