"""What stands around a message in real logs: prefixes, healthy lines, progress, colours, stack frames, markers of CI.

All of it is drawn the same way for every type, so that a classifier learns to look past it.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from functools import lru_cache
from typing import Final

from models.training import slots
from models.training.corpus import DATA

Prefix = Callable[[random.Random], str]

_PREFIXES: Final[tuple[Prefix, ...]] = (
    lambda r: slots.moment(r).strftime("%Y-%m-%dT%H:%M:%S.%fZ "),
    lambda r: slots.moment(r).strftime("%Y-%m-%d %H:%M:%S,123 ") + r.choice(["ERROR ", "INFO ", "WARN "]),
    lambda r: (
        slots.moment(r).strftime("%b %d %H:%M:%S ") + f"host-{r.randrange(9)} app[{r.randrange(9999)}]: "
    ),
    lambda r: slots.moment(r).strftime(f"{r.choice('EWI')}%m%d %H:%M:%S.%f       1 "),
    lambda r: slots.moment(r).strftime("%H:%M:%S ") + r.choice(["", "[ERROR] ", "[error] ", "| "]),
    lambda r: f"[{r.randrange(99999)}.{r.randrange(999999)}] ",
    lambda r: r.choice(
        ["[build] ", "[stdout] ", "#12 4.331 ", "app_1  | ", "web-7f | ", "E   ", "    ", "> "]
    ),
    lambda r: r.choice(
        ["##[error]", "Error: ", "ERROR: ", "error: ", "FATAL: ", "ERR! ", "[ERROR] ", "level=error msg="]
    ),
)


@lru_cache(maxsize=1)
def _healthy() -> tuple[str, ...]:
    return tuple((DATA / "healthy.txt").read_text(encoding="utf-8").strip().split("\n"))


@lru_cache(maxsize=1)
def _frames() -> tuple[str, ...]:
    return tuple((DATA / "frames.txt").read_text(encoding="utf-8").strip("\n").split("\n"))


def around(message: str, draw: random.Random) -> str:
    """The message as a log would show it: with some of the noise, between other lines."""
    lines = _prefixed(message.split("\n"), draw)
    if draw.random() < 0.15:
        lines = [f"\x1b[31m{x}\x1b[0m" if draw.random() < 0.5 else x for x in lines]
    if draw.random() < 0.25:
        lines += _stack(draw)
    before = draw.choice([0, 0, 1, 3, 6, 15, 30])
    after = draw.choice([0, 0, 0, 1, 2, 8])
    lines = _quiet(before, draw) + lines + _quiet(after, draw) + _ending(draw)
    return "\n".join(x[:400] if draw.random() < 0.03 else x for x in lines)


def as_json(message: str, draw: random.Random) -> str:
    """The message inside a structured log line."""
    name = draw.choice(["msg", "message", "error", "log"])
    fields = {
        "level": draw.choice(["error", "fatal", "warn"]),
        "ts": slots.fill("{date}", draw),
        name: message,
    }
    if draw.random() < 0.5:
        return json.dumps(fields)
    flat = message.replace('"', "'").replace("\n", " ")
    return f'time={fields["ts"]} level={fields["level"]} {name}="{flat}"'


def _prefixed(lines: list[str], draw: random.Random) -> list[str]:
    if draw.random() < 0.5:
        return lines
    prefix = draw.choice(_PREFIXES)
    return [prefix(draw) + x for x in lines]


def _quiet(count: int, draw: random.Random) -> list[str]:
    return [slots.fill(draw.choice(_healthy()), draw) for _ in range(count)]


def _stack(draw: random.Random) -> list[str]:
    language = draw.choice(["J", "P", "N", "G", "R", "D"])
    frames = [x[2:] for x in _frames() if x.startswith(f"{language} ")]
    return [slots.fill(draw.choice(frames), draw) for _ in range(draw.randint(5, 40))]


def _ending(draw: random.Random) -> list[str]:
    if draw.random() < 0.75:
        return []
    return [draw.choice(["Error: Process completed with exit code 1.", "##[endgroup]", "make: *** [all] Error 1",
                         "ERROR: Job failed: exit code 1", "Build step 'Execute shell' marked build as failure",
                         "Finished: FAILURE", "npm ERR! A complete log of this run can be found in: /root/.npm",
                         "exited with code 1", "The command failed with exit status 1",
                         "section_end:1:step_script"])]  # fmt: skip
