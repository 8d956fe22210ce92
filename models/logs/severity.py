"""How grave a line is: what its level says, or else what its words say."""

from __future__ import annotations

import re
from enum import IntEnum
from typing import Final


class Severity(IntEnum):
    """In rising order."""

    DEBUG = 0
    INFO = 1
    WARNING = 2
    ERROR = 3
    CRITICAL = 4


_LEVELS: Final = {
    "TRACE": Severity.DEBUG,
    "DEBUG": Severity.DEBUG,
    "INFO": Severity.INFO,
    "INFORMATION": Severity.INFO,
    "NOTICE": Severity.INFO,
    "WARN": Severity.WARNING,
    "WARNING": Severity.WARNING,
    "ERR": Severity.ERROR,
    "ERROR": Severity.ERROR,
    "SEVERE": Severity.ERROR,
    "CRIT": Severity.CRITICAL,
    "CRITICAL": Severity.CRITICAL,
    "FATAL": Severity.CRITICAL,
    "PANIC": Severity.CRITICAL,
    "ALERT": Severity.CRITICAL,
    "EMERG": Severity.CRITICAL,
    "EMERGENCY": Severity.CRITICAL,
}
PATTERNS: Final = (
    (Severity.CRITICAL, re.compile(r"CRITICAL|FATAL|EMERGENCY|\bpanic:|kernel panic", re.IGNORECASE)),
    (
        Severity.ERROR,
        re.compile(r"ERROR|EXCEPTION|FAILED|FAILURE|Traceback|segfault|refused|cannot ", re.IGNORECASE),
    ),
    (Severity.WARNING, re.compile(r"WARNING|\bWARN|DEPRECATED|retry|retrying|timed? ?out", re.IGNORECASE)),
    (Severity.INFO, re.compile(r"INFO|INFORMATION", re.IGNORECASE)),
)
_NONE = re.compile(
    r"\b(?:0|no|without|zero) (?:new )?(?:errors?|failures?|exceptions?|warnings?|failed)\b", re.IGNORECASE
)


def severity(text: str, level: str = "") -> Severity:
    """By the level where a line has one, by its words otherwise; what is denied does not count.

    >>> severity("connection failed"), severity("started, 0 errors"), severity("all failed", "INFO")
    (<Severity.ERROR: 3>, <Severity.DEBUG: 0>, <Severity.INFO: 1>)
    """
    if (known := _LEVELS.get(level.upper())) is not None:
        return known
    said = _NONE.sub("", text)
    return next((grave for grave, pattern in PATTERNS if pattern.search(said)), Severity.DEBUG)
