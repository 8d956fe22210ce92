"""What varies from line to line by its very form: times, addresses, identifiers, sizes, durations and numbers."""

from __future__ import annotations

import re

from models.logs.drain import WILD

_MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
_CLOCK = r"\d{1,2}:\d\d(?::\d\d(?:[.,]\d+)?)?"
_NUMBER = r"\d+(?:[.,]\d+)*"
_UNIT = r"(?:[KMGTP]i?B|[kB]|bytes?|ns|us|µs|ms|s|secs?|seconds?|mins?|minutes?|m|hours?|h|days?|%)"
PATTERNS = (
    rf"(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),? )?{_MONTH} +\d{{1,2}} {_CLOCK}(?: [A-Z]{{3,4}})?(?: \d{{4}})?",  # dates in words
    rf"\d{{4}}[-/.]\d\d[-/.]\d\d(?:[T ]{_CLOCK}(?:Z|[+-]\d\d:?\d\d)?)?",  # dates in figures
    r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}",  # UUIDs
    r"/?\d{1,3}(?:\.\d{1,3}){3}(?:[:/]\d+)?",  # IPv4
    r"(?:[0-9a-fA-F]{1,4}:){4,7}[0-9a-fA-F]{1,4}",  # IPv6
    r"(?:[\w-]+\.)+[A-Za-z][\w-]*:\d+",  # host:port, file.go:12
    rf"<?{_NUMBER} ?bytes?(?: \({_NUMBER} ?[KMGTP]i?B\))?",  # a size, and again for people
    r"0[xX][0-9a-fA-F]+",
    r"(?=[a-fA-F]*\d)[0-9a-fA-F]{6,}",  # hexadecimal identifiers
    rf"<?[-+]?{_CLOCK}(?: ?{_UNIT})?",
    rf"<?[-+]?{_NUMBER}(?:[eE][-+]?\d+)?(?: ?{_UNIT})?",
)
_VARIABLE = re.compile(rf"(?<![A-Za-z0-9])(?:{'|'.join(PATTERNS)})(?![A-Za-z0-9])")


def mask(text: str) -> str:
    """The text with WILD for what varies by its form.

    >>> mask("took 12.5 ms for 10.0.0.7:443, block blk_-77 of /data/3 (request 9f86d081884c)")
    'took <*> for <*>, block blk_<*> of /data/<*> (request <*>)'
    """
    return _VARIABLE.sub(WILD, text)
