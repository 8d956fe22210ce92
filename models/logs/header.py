"""What stands before a log message: when, how grave, who says it. Common forms are read; an unknown one leaves the line whole."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

_PREFIX = (
    r"(?:\[pod/(?P<pod>[\w.-]+)/[\w.-]+\] |(?P<compose>[\w.-]+) *\| )?"  # kubectl --prefix, docker compose
)
_ISO = r"\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d| UTC)?"
_WORDS = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) [ \d]\d \d\d:\d\d:\d\d"
_LEVEL = (
    r"TRACE|DEBUG|INFO|NOTICE|WARN(?:ING)?|ERR(?:OR)?|CRIT(?:ICAL)?|SEVERE|FATAL|PANIC|ALERT|EMERG(?:ENCY)?"
)
_LOWER = _LEVEL.lower().replace("panic|", "")  # "panic: ..." is the message of a Go program
_SYSLOG = r"(?P<host>[\w.-]+) (?P<program>[A-Za-z][\w./-]*)(?:\([\w-]+\))?(?:\[\d+\])?: "
_LINE = re.compile(
    rf"{_PREFIX}(?:\[?(?P<time>{_ISO}|{_WORDS})\]?[ \t]*(?:\[?\d+\]?[ \t]+)?)?(?:{_SYSLOG})?"
    rf"(?:[\[<(]?(?P<level>{_LEVEL}|{_LOWER})[\]>):]*(?=[ \t:]|$)[ \t]*)?"
    r"(?:(?<=[ \t])\[[^\]]{1,80}\][ \t]+)?"  # a thread
)
_KLOG = re.compile(r"([IWEF])(\d{4} \d\d:\d\d:\d\d\.\d+) +\d+ ([\w./-]+:\d+)\] ")
_KLOG_LEVEL = {"I": "INFO", "W": "WARNING", "E": "ERROR", "F": "FATAL"}
_PAIR = re.compile(r'(\w+)=(?:"((?:[^"\\]|\\.)*)"|(\S+))')
_TEXT, _TIME = ("msg", "message", "log", "event"), ("time", "ts", "timestamp", "@timestamp", "t")
_GRAVE, _WHO = (
    ("level", "severity", "lvl", "levelname"),
    ("service", "app", "component", "logger", "caller", "name"),
)


@dataclass(frozen=True, slots=True)
class Header:
    """`time`, `level` and `service` are empty when the line does not say; `text` is the message."""

    text: str
    time: str = ""
    level: str = ""
    service: str = ""


def read(line: str) -> Header:
    """Split a line.

    >>> read("2026-01-02T03:04:05Z ERROR db-1 gone")
    Header(text='db-1 gone', time='2026-01-02T03:04:05Z', level='ERROR', service='')
    >>> read("Jun  1 02:03:04 node-7 kubelet[42]: evicted").service
    'kubelet'
    """
    if line.startswith("{") and (found := _json(line)):
        return found
    if klog := _KLOG.match(line):
        return Header(line[klog.end() :], klog[2], _KLOG_LEVEL[klog[1]])
    match = _LINE.match(line)
    if match is None:  # every part may be missing, so this does not happen
        return Header(line)
    rest = line[match.end() :]
    service = match["pod"] or match["compose"] or match["program"] or ""
    if "=" in rest and ("msg=" in rest or "message=" in rest):
        return _pairs(rest, Header(rest, match["time"] or "", match["level"] or "", service))
    return Header(rest, match["time"] or "", match["level"] or "", service)


def moment(text: str, year: int) -> datetime | None:
    """The time that a header says; the year and UTC are assumed where it does not say. None when it is none.

    >>> moment("0102 03:04:05.5", 2026), moment("Feb  3 04:05:06", 2026).day, moment("soon", 2026)
    (datetime.datetime(2026, 1, 2, 3, 4, 5, 500000, tzinfo=datetime.timezone.utc), 3, None)
    """
    try:
        if re.fullmatch(r"\d{9,10}(\.\d+)?", text):
            return datetime.fromtimestamp(float(text), UTC)
        if text[:1].isalpha():
            found = datetime.strptime(f"{year} {text}", "%Y %b %d %H:%M:%S").replace(tzinfo=UTC)
        elif re.match(r"\d{4} ", text):
            found = datetime.strptime(f"{year}{text}"[:24], "%Y%m%d %H:%M:%S.%f").replace(tzinfo=UTC)
        else:
            plain = text.replace("/", "-").replace(",", ".").replace(" UTC", "Z")
            found = datetime.fromisoformat(plain)
    except (ValueError, OverflowError, OSError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _json(line: str) -> Header | None:
    try:
        fields = json.loads(line)
    except ValueError:
        return None
    return _named(fields, Header(line)) if isinstance(fields, dict) else None


def _pairs(text: str, known: Header) -> Header:
    return _named({key: quoted or plain for key, quoted, plain in _PAIR.findall(text)}, known)


def _named(fields: dict[str, Any], known: Header) -> Header:
    """From named fields; an error that stands beside the message belongs to it."""
    text = _first(fields, _TEXT)
    error = _first(fields, ("error", "err", "exception"))
    return Header(
        text=(f"{text}: {error}" if text and error and error not in text else text or error) or known.text,
        time=_first(fields, _TIME) or known.time,
        level=_first(fields, _GRAVE) or known.level,
        service=_first(fields, _WHO) or known.service,
    )


def _first(fields: dict[str, Any], names: tuple[str, ...]) -> str:
    return next((str(fields[n]) for n in names if isinstance(fields.get(n), str | int | float)), "")
