"""Who may send reports: whoever has a bearer token, or, when none is set, whoever is on this machine.

An address that others can reach is refused without a token. A page in a browser on this machine could still
be made to post here under a name that an attacker resolves to 127.0.0.1, so without a token the Host must be
this machine too.
"""

from __future__ import annotations

import hmac
from ipaddress import ip_address

import structlog
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from suture.api.errors import Refused
from suture.domain.errors import Invalid
from suture.settings import Settings

log = structlog.get_logger(__name__)
OPEN = frozenset({"/", "/healthz", "/readyz", "/openapi.json"})  # probes carry no token
HOW = "send the header `Authorization: Bearer TOKEN` with a token of SUTURE_TOKEN or SUTURE_TOKEN_FILE"


def check_exposure(settings: Settings) -> None:
    """Refuse to serve others without a token: raises Invalid."""
    try:
        tokens = settings.tokens()
    except ValueError as e:
        raise Invalid(str(e)) from e
    if not tokens and not settings.loopback:
        raise Invalid(
            f"{settings.listen} can be reached by others, and no token is set: "
            "set SUTURE_TOKEN or SUTURE_TOKEN_FILE, or listen on 127.0.0.1"
        )


class Tokens:
    """The accepted tokens. Their file is read again when it changes: a new token needs no restart."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._stamp = self._file_stamp()
        self._tokens = [t.encode() for t in settings.tokens()]

    def any(self) -> bool:
        """Whether a token is needed. Once one was set it stays so, even if the file becomes unreadable."""
        return bool(self._current())

    def accept(self, token: bytes) -> bool:
        """Whether the token is one of ours; takes the same time whichever it is."""
        found = False
        for known in self._current():
            found |= hmac.compare_digest(known, token)
        return found

    def _current(self) -> list[bytes]:
        stamp = self._file_stamp()
        if stamp != self._stamp:
            self._stamp = stamp
            try:
                self._tokens = [t.encode() for t in self._settings.tokens()]
                log.info("the token file was read again", tokens=len(self._tokens))
            except ValueError as e:
                log.error("the tokens that were read before stay valid", reason=str(e))
        return self._tokens

    def _file_stamp(self) -> tuple[int, int, int] | None:
        if self._settings.token_file is None:
            return None
        try:
            s = self._settings.token_file.stat()
        except OSError:
            return None
        return s.st_mtime_ns, s.st_ino, s.st_size


class Authenticate:
    """Middleware: lets a request through, or answers 401 or 403 before a byte of its body is read."""

    def __init__(self, app: ASGIApp, tokens: Tokens) -> None:
        self._app = app
        self._tokens = tokens

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope["suture.trusted"] = trusted = self._trusted(scope)
            if scope["path"] not in OPEN and not trusted:
                self._refuse(scope)
        await self._app(scope, receive, send)

    def _trusted(self, scope: Scope) -> bool:
        headers = Headers(scope=scope)
        if self._tokens.any() and scope["path"] != "/metrics":
            return self._has_token(headers)
        return is_local(scope, headers) or self._has_token(headers)

    def _has_token(self, headers: Headers) -> bool:
        scheme, _, token = headers.get("authorization", "").partition(" ")
        return scheme.lower() == "bearer" and self._tokens.accept(token.strip().encode("latin-1"))

    def _refuse(self, scope: Scope) -> None:
        if not self._tokens.any():
            raise Refused(
                403, "no token is set, so only this machine is served", f"set SUTURE_TOKEN, then {HOW}"
            )
        given = "authorization" in Headers(scope=scope)
        challenge = 'Bearer realm="suture"' + (', error="invalid_token"' if given else "")
        error = "the token is not valid" if given else "a token is needed"
        raise Refused(401, error, HOW, {"WWW-Authenticate": challenge})


def is_local(scope: Scope, headers: Headers) -> bool:
    """Whether the peer is on this machine and means this machine."""
    client = scope.get("client") or ("",)
    return _loopback(client[0]) and _loopback(_hostname(headers.get("host", "")))


def _hostname(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]


def _loopback(host: str) -> bool:
    try:
        return ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return host.lower() == "localhost"
