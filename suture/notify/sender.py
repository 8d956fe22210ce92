"""`ports.Notifier` through Apprise: Slack, mail, PagerDuty, webhooks and everything else that it knows.

An address is a secret as a whole: it appears in no log, no error and no history. Apprise's own log is read for the reason of
a failure, and what of the address it repeats is taken out.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from apprise import Apprise, AppriseAsset, NotifyFormat, NotifyType
from pydantic import SecretStr

from suture.domain.errors import Invalid, Unavailable
from suture.domain.notice import Message
from suture.domain.redaction import HIDDEN, redact_text
from suture.domain.stages import Severity

CONNECT_SECONDS, READ_SECONDS = 5.0, 15.0  # a slow receiver has not refused: asking again would tell twice
SHORT_PART = 4  # characters of an address that may be repeated: ports, schemes
_TYPES = {Severity.CRITICAL: NotifyType.FAILURE, Severity.LOW: NotifyType.INFO}


class AppriseNotifier:
    """Sends to the ways of contacts. Raises Invalid for an address that Apprise does not know, naming the contact."""

    def __init__(self, contacts: Mapping[str, Mapping[str, SecretStr]]) -> None:
        _quiet()
        self._ways = {contact: list(ways) for contact, ways in contacts.items()}
        self._addresses = {way: a for ways in contacts.values() for way, a in ways.items()}
        self._plugins = {way: _plugin(way, a.get_secret_value()) for way, a in self._addresses.items()}

    def ways(self, contact: str) -> Sequence[str]:
        """The names of a contact's ways; none when there is no such contact (any more)."""
        return self._ways.get(contact, [])

    async def send(self, way: str, message: Message) -> None:
        """Returns when the receiver has accepted. Raises Unavailable with the reason otherwise."""
        await asyncio.to_thread(self._send, way, message)

    def _send(self, way: str, message: Message) -> None:
        sender = Apprise(asset=_asset())
        sender.add(self._plugins[way])
        with _complaints() as said:
            accepted = sender.notify(
                title=message.subject,
                body=message.body,
                body_format=NotifyFormat.MARKDOWN,
                notify_type=_TYPES.get(message.severity, NotifyType.WARNING),
            )
        if not accepted:
            address = self._addresses[way].get_secret_value()
            raise Unavailable(
                f"{way}: {_without(address, '; '.join(said)) or 'the receiver did not accept it'}"
            )


def _plugin(way: str, address: str) -> Any:
    plugin = Apprise.instantiate(address, asset=_asset(), suppress_exceptions=True)
    if plugin is None:
        raise Invalid(
            f"the address of {way} is none that Apprise knows: see https://appriseit.com/services/ for how to write one"
        )
    plugin.socket_connect_timeout, plugin.socket_read_timeout = CONNECT_SECONDS, READ_SECONDS
    return plugin


def _asset() -> AppriseAsset:
    return AppriseAsset(app_id="Suture", app_desc="Suture", app_url="", async_mode=False)


def _quiet() -> None:
    """Apprise and the HTTP client below it write addresses into their logs: they speak to nobody but the collector."""
    log = logging.getLogger("apprise")
    log.propagate = False
    log.setLevel(logging.WARNING)
    if not any(isinstance(h, _Collector) for h in log.handlers):
        log.addHandler(_Collector(logging.WARNING))
    logging.getLogger("urllib3").setLevel(logging.ERROR)


_said: ContextVar[list[str] | None] = ContextVar("said", default=None)  # it follows Apprise into its threads


class _Collector(logging.Handler):
    """What is said during one send."""

    def emit(self, record: logging.LogRecord) -> None:
        said = _said.get()
        if said is not None:
            said.append(record.getMessage())


@contextmanager
def _complaints() -> Iterator[list[str]]:
    said: list[str] = []
    token = _said.set(said)
    try:
        yield said
    finally:
        _said.reset(token)


def _without(address: str, text: str) -> str:
    """The text without the parts of the address, and not longer than a line or two."""
    for part in sorted(set(re.split(r"[/:@?&=,%]+", address)), key=len, reverse=True):
        if len(part) > SHORT_PART:
            text = text.replace(part, HIDDEN)
    return redact_text(text)[:300]
