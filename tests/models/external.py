"""Failures written down apart from the training text, before the first training: never used for training or thresholds."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from models.taxonomy import LABELS

FILE = Path(__file__).parent / "data" / "external.txt"


@dataclass(frozen=True)
class Snippet:
    label: str
    hard: bool
    text: str


def snippets() -> list[Snippet]:
    """All of them, in order."""
    found = []
    for block in re.split(r"^## ", FILE.read_text(encoding="utf-8"), flags=re.M)[1:]:
        head, _, text = block.partition("\n")
        label, *marks = head.split()
        assert label in LABELS
        found.append(Snippet(label, "hard" in marks, text.strip("\n")))
    return found
