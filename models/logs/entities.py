"""What a message names: times, addresses, paths, error codes and services. They tie lines of different services together."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

_TIMES = re.compile(
    r"\b\d{4}[-/]\d\d[-/]\d\d(?:[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?)?"
    r"|\b(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) [ \d]\d \d\d:\d\d:\d\d"
)
_OCTET = r"(?:25[0-5]|2[0-4]\d|1?\d?\d)"
_ADDRESSES = re.compile(
    rf"(?<![\d.])(?:{_OCTET}\.){{3}}{_OCTET}(?![\d.]*\d)|\b(?:[0-9a-fA-F]{{1,4}}:){{7}}[0-9a-fA-F]{{1,4}}\b"
)
_PATHS = re.compile(r"(?<![\w:/.-])(?:/[\w.@+-]+){1,16}/?|\b[A-Za-z]:\\(?:[\w .-]+\\)*[\w.-]+")
_NOT_CODES = r"(?!RROR|XCEPTION|MERG|XIT|VENT|ACH|LSE|MPTY|NABLE|XPECT|NTRY)"  # words in capitals that no program means as a code
_CODES = re.compile(
    rf"\b[A-Z]{{2,6}}[-_]?\d{{3,5}}\b|\bE{_NOT_CODES}[A-Z]{{2,}}[A-Z0-9]*\b"
    r"|\bSQLSTATE[ :=\[]*\w{5}|\b(?:HTTP|status|code|exit)[ /=:]{1,3}\d{1,3}\b"
)
_HOSTS = re.compile(
    r"\b(?:https?|postgres(?:ql)?|redis|amqp|mysql|mongodb|grpc|tcp)://(?:[^\s/@]*@)?([\w-]+(?:\.[\w-]+)*)"
)
_PORTS = re.compile(r"\b([a-z][\w-]*(?:\.[a-z][\w-]*)*):\d{2,5}\b")
_LOOKUP = re.compile(
    r"\blookup ([a-z][\w-]*(?:\.[\w-]+)*)|\b(?:service|host|upstream|backend|pod)[ =:\"']+([a-z][a-z0-9]*(?:[-.][a-z0-9]+)*)"
)
_FILE = re.compile(r"\.(?:go|py|js|ts|java|rb|c|cc|cpp|rs|php)$")


@dataclass(frozen=True, slots=True)
class Entities:
    """In the order in which they are named, each once."""

    timestamps: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    error_codes: tuple[str, ...] = ()
    services: tuple[str, ...] = ()

    @property
    def keys(self) -> frozenset[str]:
        """What can tie two messages together: everything but times and codes."""
        return frozenset((*self.addresses, *self.paths, *self.services))


def entities(text: str) -> Entities:
    """What a message names.

    >>> found = entities("dial tcp 10.0.0.7:5432: ECONNREFUSED, postgres://db.shop:5432 see /var/log/db.log")
    >>> found.addresses, found.paths, found.error_codes, found.services
    (('10.0.0.7',), ('/var/log/db.log',), ('ECONNREFUSED',), ('db',))
    """
    hosts = (*_HOSTS.findall(text), *_PORTS.findall(text), *(a or b for a, b in _LOOKUP.findall(text)))
    return Entities(
        timestamps=_unique(_TIMES.findall(text)),
        addresses=_unique(_ADDRESSES.findall(text)),
        paths=_unique(_PATHS.findall(text)),
        error_codes=_unique(_CODES.findall(text)),
        services=_unique(service(h) for h in hosts if not _FILE.search(h) and not _ADDRESSES.fullmatch(h)),
    )


def service(host: str) -> str:
    """The service that a host name or a pod's name belongs to.

    >>> service("db.shop.svc.cluster.local"), service("web-6d4b75cb6d-x2x9z"), service("db-0")
    ('db', 'web', 'db')
    """
    first = host.lower().partition(".")[0]
    pod = re.fullmatch(r"(.+?)(?:-[0-9a-f]{6,10}-[a-z0-9]{5}|-\d{1,3})", first)
    return pod[1] if pod else first


def _unique(found: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(f for f in found if f))
