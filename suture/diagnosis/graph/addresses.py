"""Addresses in configuration: `orders:8080`, `http://orders.shop.svc:8080/v1`, `db-0.db.shop.svc`.

Anything may stand in a ConfigMap, so a word with a number is an address only where a Service of that name is known,
where the text has the form of a URL or of a cluster domain, or where the name of the setting says that it is one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

LONGEST: Final = 65_536  # characters of one value that are looked at
_LABEL = r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?"
_MENTION = re.compile(
    rf"(?<![\w.\-/@])(?P<scheme>[a-zA-Z][a-zA-Z0-9+.\-]{{0,20}}://(?:[^\s/@\"'<>]{{1,200}}@)?)?"
    rf"(?P<host>{_LABEL}(?:\.{_LABEL}){{0,6}})(?::(?P<port>\d{{1,5}}))?(?![\w@])"
)
_NAMES_ADDRESS = re.compile(
    r"(?i)(?:host(?:name)?|addr(?:ess)?(?:es)?|ur[il]s?|endpoints?|servers?|service|upstreams?|backends?|brokers?"
    r"|dsn|connection)(?:_?(?:name|list))?$"
)


@dataclass(frozen=True)
class Address:
    """A host that may be a Service. `certain` says that it is meant as an address of the cluster in any case.

    `namespace` is empty for the reader's own.
    """

    service: str
    namespace: str = ""
    port: int = 0
    certain: bool = False


def addresses(key: str, value: str) -> Iterator[Address]:
    """The addresses in one setting; `key` is its name.

    >>> [(a.service, a.port, a.certain) for a in addresses("ORDERS_URL", "http://orders:8080/v1")]
    [('orders', 8080, True)]
    >>> [(a.service, a.namespace) for a in addresses("x", "tcp://db-0.db.data.svc.cluster.local:5432")]
    [('db', 'data')]
    """
    whole = value.strip()
    named = bool(_NAMES_ADDRESS.search(key))
    for found in _MENTION.finditer(value[:LONGEST]):
        scheme, host, port = found["scheme"], found["host"], int(found["port"] or 0)
        if host == "localhost" or host.isdecimal() or port > 65_535:
            continue
        listed = _is_listed(found[0], whole)
        if "." in host:
            yield from _qualified(host, port)
        elif scheme or port or (named and listed):
            yield Address(host, port=port, certain=bool(port and (scheme or (named and listed))))


def _is_listed(mention: str, whole: str) -> bool:
    """Whether a value is this address, or a list of several."""
    return len(whole) < 1_000 and mention in re.split(r"[,;\s]+", whole)


def _qualified(host: str, port: int) -> Iterator[Address]:
    """`service.namespace[.svc[.cluster.local]]`, or a pod of a headless Service in front of it."""
    parts = host.split(".")
    if "svc" in parts[2:]:
        end = parts.index("svc", 2)
        yield Address(parts[end - 2], parts[end - 1], port, certain=True)
    elif len(parts) == 2:
        yield Address(parts[0], parts[1], port)
        yield Address(parts[1], port=port)  # POD.SERVICE
