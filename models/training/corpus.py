"""The project's own training text: families of messages, read from models/training/data/families.

A family is one message of one program with slots. A file holds one type:

    % program: one line; \\n breaks it, {a|b} chooses, {slot} is filled
    %! program: the same, marked hard: its keywords point to another type
    @ program stage key=value hard
    several lines ...
    ~ a line of code or manifest context
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Final

from models.taxonomy import FailureType

VERSION: Final = "1"  # raise it when families or generator change on purpose
DATA: Final = Path(__file__).parent / "data"
_START: Final = re.compile(r"^(@|%!?) ", re.M)
_PROGRAM: Final = re.compile(r"([\w-]+): ?(.*)", re.S)


@dataclass(frozen=True)
class Family:
    """One message family. `metadata` are facts that belong to the message; `context` may be empty."""

    id: str
    type: FailureType
    program: str
    text: str
    context: str = ""
    hard: bool = False
    metadata: dict[str, str] = field(default_factory=dict, hash=False)


class CorpusError(ValueError):
    """A family cannot be read; the message names file and line."""


@lru_cache(maxsize=1)
def families() -> tuple[Family, ...]:
    """All families in the order of the taxonomy and of their files. Raises CorpusError."""
    return tuple(f for kind in FailureType for f in read(DATA / "families" / f"{kind}.txt", kind))


def read(path: Path, kind: FailureType) -> Iterator[Family]:
    """The families of one file."""
    content = path.read_text(encoding="utf-8")
    starts = [m.start() for m in _START.finditer(content)]
    seen: Counter[str] = Counter()
    for begin, end in zip(starts, [*starts[1:], len(content)], strict=True):
        where = f"{path.name}:{content.count(chr(10), 0, begin) + 1}"
        family = _family(content[begin:end].rstrip("\n"), kind, where)
        seen[family.program] += 1
        yield Family(
            f"{kind}/{family.program}-{seen[family.program]}",
            kind,
            family.program,
            family.text,
            family.context,
            family.hard,
            family.metadata,
        )


def _family(block: str, kind: FailureType, where: str) -> Family:
    if block.startswith("@ "):
        return _block(block, kind, where)
    mark, _, rest = block.partition(" ")
    match = _PROGRAM.fullmatch(rest)
    if not match or not match[2].strip():
        raise CorpusError(f"{where}: write `% program: message`")
    return Family("", kind, match[1], match[2].replace("\\n", "\n"), hard=mark == "%!")


def _block(block: str, kind: FailureType, where: str) -> Family:
    head, _, body = block.partition("\n")
    lines = body.split("\n")
    text = "\n".join(x for x in lines if not x.startswith("~ ")).strip("\n")
    context = "\n".join(x[2:] for x in lines if x.startswith("~ "))
    words = head.split()[1:]
    if not words or not text:
        raise CorpusError(f"{where}: write `@ program stage` and the message below it")
    metadata = dict(w.split("=", 1) for w in words[1:] if "=" in w)
    stages = [w for w in words[1:] if "=" not in w and w != "hard"]
    metadata |= {"stage": stages[0]} if stages else {}
    return Family("", kind, words[0], text, context, "hard" in words, metadata)
