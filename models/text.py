"""Log text as words: what differs from run to run (times, ids, addresses, colours) is taken out, what tells causes stays.

Numbers become 0 except the few that have a meaning of their own: exit codes, HTTP statuses, errno values.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

MAX_CHARACTERS: Final = 8_000  # of a longer text, the beginning and the end count: that is where causes stand

_ANSI: Final = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07]*\x07|\^\[\[[0-9;]*m")
_LIBRARY_FRAMES: Final = re.compile(  # frames of the runtimes themselves say nothing of the cause
    r"^[ \t]*at (?:java\.|javax\.|sun\.|jdk\.|System\.|Microsoft\.|org\.apache\.maven\."
    r"|[^\n(]{0,80}\(?node:internal/|internal/)[^\n]*\n?",
    re.M,
)
_ESCAPED: Final = re.compile(r"\\[ntr]")
_IDENTIFIERS: Final = re.compile(
    r"\b[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}\b"
    r"|\b\d{4}-\d\d-\d\d[T ]?(?:\d\d:\d\d(?::\d\d)?(?:[.,]\d+)?)?(?:Z|[+-]\d\d:?\d\d)?"
    r"|\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),? |\b\d\d?:\d\d(?::\d\d(?:[.,]\d+)?)?\b"
    r"|\b(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) +\d+\b"
    r"|\b0x[0-9a-fA-F]+\b|\bsha256:[0-9a-f]+|\b(?=[a-f]*\d)(?=\d*[a-f])[0-9a-f]{7,}\b"
)
_ADDRESS: Final = re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b")
_HUMP: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_TOKEN: Final = re.compile(r"[A-Za-z][A-Za-z0-9]*|\d+(?:\.\d+)*%?|[✗✘✖✓✔❌]")
_EXIT_CODES, _ERRNO = "124 126 127 128 134 137 139 143", "13 28 30 101 104 110 111 113 116 122"
_HTTP = "400 401 403 404 407 408 409 410 413 422 425 429 500 501 502 503 504 520 521 522 523 525 529"
_MEANT: Final = frozenset(f"{_EXIT_CODES} {_HTTP} {_ERRNO}".split())
_CHECKS: Final = {"✗": "cross", "✘": "cross", "✖": "cross", "❌": "cross", "✓": "tick", "✔": "tick"}


def ends(text: str) -> str:
    """The text, cut to its two ends when it is very long."""
    half = MAX_CHARACTERS // 2
    return text if len(text) <= MAX_CHARACTERS else f"{text[:half]}\n{text[-half:]}"


def telling(text: str) -> str:
    """The text's ends without colours and without the runtimes' own stack frames."""
    return _LIBRARY_FRAMES.sub("", _ANSI.sub("", ends(text)))


def clean(text: str) -> str:
    """What is telling, without identifiers and times."""
    text = _ESCAPED.sub(" ", telling(text))
    return _ADDRESS.sub(" addr ", _IDENTIFIERS.sub(" ", text))


def words(text: str) -> list[str]:
    """The lower-case words of a text, in order; CamelCase names come apart.

    >>> words("java.net.UnknownHostException: db-7 (exit code 137, pid 4211)")
    ['java', 'net', 'unknown', 'host', 'exception', 'db', '0', 'exit', 'code', '137', 'pid', '0']
    """
    found: list[str] = []
    for token in _TOKEN.findall(clean(text)):
        found += _parts(token)
    return found


@lru_cache(maxsize=100_000)
def _parts(token: str) -> tuple[str, ...]:
    if token in _CHECKS:
        return (_CHECKS[token],)
    if token[0].isdigit():
        return (token if token in _MEANT else "0",)
    return tuple(_split(token))


def _split(token: str) -> Iterator[str]:
    for part in _HUMP.findall(token):
        if part[0].isdigit():
            if part in _MEANT:
                yield part
        else:
            yield part.lower()[:24]
