"""What a trainer says while it works."""

from __future__ import annotations

import sys


def say(line: str) -> None:
    """One line on stderr, at once."""
    print(line, file=sys.stderr, flush=True)
