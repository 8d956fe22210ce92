"""Who is served: people of the access file by their token or session, senders by a shared token, or, when neither is set
up, whoever is on this machine.

An address that others can reach is refused without either. A page in a browser on this machine could still be made to
ask here under a name that an attacker resolves to 127.0.0.1, so without a token the Host must be this machine too.
"""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from ipaddress import ip_address
from urllib.parse import quote, urlsplit

import structlog
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from suture.access import People, Role
from suture.api.errors import Refused
from suture.api.identity import COOKIE, SENDER, Caller, Sessions, Way, local
from suture.domain.errors import Invalid
from suture.settings import Settings

log = structlog.get_logger(__name__)
OPEN = frozenset({"/", "/healthz", "/readyz", "/openapi.json", "/login"})  # probes carry no token
OPEN_UNDER = ("/static/", "/oidc/", "/link/")
PAGES = ("/incidents", "/governor", "/audit", "/logout")  # for browsers: who is not known is asked to log in
API = "/v1/"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
HOW = "send the header `Authorization: Bearer TOKEN` with a token of SUTURE_TOKEN or SUTURE_TOKEN_FILE"


def check_exposure(settings: Settings) -> None:
    """Refuse to serve others without knowing who they are: raises Invalid."""
    try:
        tokens = settings.tokens()
    except ValueError as e:
        raise Invalid(str(e)) from e
    People(settings.access_file)
    if settings.oidc_issuer and not settings.access_file:
        raise Invalid("the identity provider's people need names and roles: set SUTURE_ACCESS_FILE as well")
    if not tokens and not settings.access_file and not settings.loopback:
        raise Invalid(
            f"{settings.listen} can be reached by others, and no token is set: "
            "set SUTURE_ACCESS_FILE, SUTURE_TOKEN or SUTURE_TOKEN_FILE, or listen on 127.0.0.1"
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


class Gate:
    """Everybody who may get in: people by their own tokens, senders by shared ones."""

    def __init__(self, people: People, tokens: Tokens) -> None:
        self.people = people
        self._tokens = tokens

    @property
    def closed(self) -> bool:
        """Whether this machine's own people must say who they are as well."""
        return self.people.named or self._tokens.any()

    def by_token(self, token: str, address: str = "") -> Caller | None:
        """Whose token it is."""
        person = self.people.by_token(token) if token else None
        if person:
            return Caller(person.name, person.role, Way.TOKEN, address)
        shared = self._tokens.accept(token.encode("utf-8", "surrogateescape"))
        return Caller(SENDER, Role.RESPONDER, Way.SHARED, address) if shared else None


class Authenticate:
    """Middleware: finds out who asks, or answers 401 or 403 before a byte of the body is read.

    A browser's cookie counts on pages only, where forms carry the session's own secret; and whatever a browser sends from
    another site's page (its Origin says so) is refused.
    """

    def __init__(self, app: ASGIApp, gate: Gate, sessions: Sessions, public_url: str = "") -> None:
        self._app = app
        self._gate = gate
        self._sessions = sessions
        self._public = urlsplit(public_url).netloc.lower()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            headers = Headers(scope=scope)
            scope["suture.caller"] = caller = self._caller(scope, headers)
            scope["suture.trusted"] = caller is not None or self._scrapes(scope, headers)
            self._check_origin(scope, headers)
            if not scope["suture.trusted"] and not _is_open(scope["path"]):
                if self._asks_to_log_in(scope):
                    back = quote(scope["path"], safe="/")
                    await RedirectResponse(f"/login?next={back}", 303)(scope, receive, send)
                    return
                self._refuse(scope)
        await self._app(scope, receive, send)

    def _caller(self, scope: Scope, headers: Headers) -> Caller | None:
        address = (scope.get("client") or ("",))[0]
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if scheme:
            given = token.strip().encode("latin-1").decode("utf-8", "surrogateescape")
            return self._gate.by_token(given, address) if scheme.lower() == "bearer" else None
        cookie = "" if scope["path"].startswith(API) else Request(scope).cookies.get(COOKIE, "")
        session = self._sessions.read(cookie) if cookie else None
        if self._gate.closed:
            return self._sessions.caller(session, address) if session else None
        return local(address, session) if is_local(scope, headers) else None

    def _scrapes(self, scope: Scope, headers: Headers) -> bool:
        return bool(scope["path"] == "/metrics" and is_local(scope, headers))

    def _asks_to_log_in(self, scope: Scope) -> bool:
        page = any(scope["path"] == p or scope["path"].startswith(p + "/") for p in PAGES)
        return page and self._gate.closed and scope["method"] in SAFE_METHODS

    def _check_origin(self, scope: Scope, headers: Headers) -> None:
        origin = headers.get("origin")
        if origin is None or scope["method"] in SAFE_METHODS:
            return
        if urlsplit(origin).netloc.lower() not in {headers.get("host", "").lower(), self._public} - {""}:
            scope["suture.foreign"] = True
            if not scope["path"].startswith(PAGES):  # a page's form tells it in words, and keeps a record
                raise Refused(403, "this was sent from another site's page", "use the pages of Suture itself")

    def _refuse(self, scope: Scope) -> None:
        if not self._gate.closed:
            raise Refused(
                403, "no token is set, so only this machine is served", f"set SUTURE_TOKEN, then {HOW}"
            )
        given = "authorization" in Headers(scope=scope)
        challenge = 'Bearer realm="suture"' + (', error="invalid_token"' if given else "")
        error = "the token is not valid" if given else "a token is needed"
        raise Refused(401, error, HOW, {"WWW-Authenticate": challenge})


def needs(role: Role) -> Callable[[Request], Awaitable[Caller]]:
    """A dependency: the caller, or 403 when they have not got this role."""

    async def caller(request: Request) -> Caller:  # a coroutine: others cost a thread each
        found: Caller | None = request.scope.get("suture.caller")
        if found is None or not found.may(role):
            name = found.name if found else "nobody"
            raise Refused(403, f"{name} is not allowed to do this", f"it takes the role {role}: ask an admin")
        return found

    return caller


def _is_open(path: str) -> bool:
    return path in OPEN or path.startswith(OPEN_UNDER)


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
