"""Bodies: read with a limit on size, time and shape, before anything else looks at them.

Python's JSON reader is lenient where senders and readers could disagree about what was said (NaN, a name
twice), and passes on what later stages can't store (NUL, halves of surrogate pairs). All of that is refused
here with its reason.
"""

from __future__ import annotations

import asyncio
import json
import math
from typing import Any, NoReturn

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from suture.api.errors import Refused

UNDER = "/v1/"  # where bodies are expected; elsewhere nobody reads them
MAX_DEPTH = 32
MAX_DIGITS = 40
READ_SECONDS = 30.0


class StrictJson:
    """Middleware: hands only well-formed JSON on, as one piece."""

    def __init__(self, app: ASGIApp, limit: int, seconds: float = READ_SECONDS) -> None:
        self._app = app
        self._limit = limit
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST" or not scope["path"].startswith(UNDER):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        self._check_headers(headers)
        body = await self._read(receive)
        check_json(body)
        await self._app(scope, _replay(body, receive), send)

    def _check_headers(self, headers: Headers) -> None:
        media, _, parameters = headers.get("content-type", "").partition(";")
        charset = parameters.partition("charset=")[2].strip(' "').lower()
        if media.strip().lower() != "application/json" or charset not in ("", "utf-8", "utf8"):
            raise Refused(
                415, "the body is not declared as JSON in UTF-8", "send `Content-Type: application/json`"
            )
        if headers.get("content-encoding", "identity").lower() != "identity":
            raise Refused(415, "the body is compressed", "send it without Content-Encoding")
        length = headers.get("content-length", "")
        if length.isdigit() and int(length[:20]) > self._limit:
            self._too_large()

    async def _read(self, receive: Receive) -> bytes:
        try:
            async with asyncio.timeout(self._seconds):
                return await self._collect(receive)
        except TimeoutError:
            raise Refused(
                408, "the body did not arrive in time", "send it again, faster", {"Connection": "close"}
            ) from None

    async def _collect(self, receive: Receive) -> bytes:
        body = bytearray()
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise Refused(400, "the connection ended inside the body", "send it again")
            body += message.get("body", b"")
            if len(body) > self._limit:
                self._too_large()
            if not message.get("more_body"):
                return bytes(body)

    def _too_large(self) -> NoReturn:
        error = f"the body is larger than {self._limit} bytes"
        what = "send fewer reports in one post (Alertmanager: max_alerts), or raise SUTURE_BODY_LIMIT"
        raise Refused(413, error, what, {"Connection": "close"})


def check_json(body: bytes) -> None:
    """Raises Refused (400) with the reason unless the body is JSON that means the same to everyone."""
    try:
        value = json.loads(
            body.decode("utf-8"),
            object_pairs_hook=_object,
            parse_constant=_constant,
            parse_int=_integer,
            parse_float=_float,
        )
        _check_text_and_depth(value)
    except UnicodeDecodeError as e:
        _refuse(f"the body is not UTF-8 (byte {e.start})")
    except json.JSONDecodeError as e:
        _refuse(f"the body is not JSON: {e.msg} (line {e.lineno}, column {e.colno})")
    except RecursionError:
        _refuse(f"the JSON is nested more than {MAX_DEPTH} deep")


def _refuse(error: str) -> NoReturn:
    raise Refused(400, error, "send one JSON object in UTF-8, as /openapi.json describes")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        _refuse("a name occurs twice in one JSON object")
    return value


def _constant(name: str) -> NoReturn:
    _refuse(f"{name} is not JSON")


def _integer(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        _refuse(f"a number has more than {MAX_DIGITS} digits")
    return int(digits)


def _float(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        _refuse("a number is too large")
    return value


def _check_text_and_depth(value: Any) -> None:
    stack = [(value, 1)]
    while stack:
        current, depth = stack.pop()
        if depth > MAX_DEPTH:
            _refuse(f"the JSON is nested more than {MAX_DEPTH} deep")
        if isinstance(current, str):
            _check_text(current)
        elif isinstance(current, dict):
            stack.extend((part, depth + 1) for pair in current.items() for part in pair)
        elif isinstance(current, list):
            stack.extend((part, depth + 1) for part in current)


def _check_text(text: str) -> None:
    if "\0" in text:
        _refuse("a text contains a NUL character")
    try:
        text.encode()
    except UnicodeEncodeError:
        _refuse("a text contains half of a surrogate pair")


def _replay(body: bytes, receive: Receive) -> Receive:
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return messages.pop() if messages else await receive()

    return again
