"""The pages: templates that escape everything, one style sheet, and a script that only refreshes what is there anyway."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from suture.access import Role
from suture.api.errors import Problem
from suture.api.identity import Caller, Sessions
from suture.domain.stages import Stage
from suture.report.facts import lasted

HERE = Path(__file__).parent
STATIC = {"suture.css": "text/css", "suture.js": "text/javascript", "suture.svg": "image/svg+xml"}
NOTICE = "suture_notice"
POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "same-origin",  # with no-referrer a browser hides the Origin of forms, which is checked
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}


class Pages:
    """Makes answers out of templates. `more` is what the menu needs to know: which parts this installation has."""

    def __init__(self, sessions: Sessions, **more: Any) -> None:
        self._sessions = sessions
        self._environment = Environment(
            loader=FileSystemLoader(HERE / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters.update(
            clock=clock, iso=iso, ago=ago, took=lasted, value=value, words=words, path=path
        )
        self._environment.globals.update(stages=list(Stage), Role=Role, version=_version_of_static(), **more)

    def show(self, request: Request, template: str, status: int = 200, **context: Any) -> Response:
        """A page; whoever has no session of this browser yet gets one, so that forms can carry its secret."""
        caller: Caller | None = request.scope.get("suture.caller")
        session = caller.session if caller else None
        fresh = caller is not None and session is None and "authorization" not in request.headers
        if fresh and caller:
            session = self._sessions.begin(caller.name, caller.way)
        notice = read_notice(request)
        text = self._environment.get_template(template).render(
            caller=caller,
            csrf=session.csrf if session else "",
            here=request.url.path,
            notice=notice,
            now=datetime.now(UTC),
            **context,
        )
        response = HTMLResponse(text, status, HEADERS)
        if fresh and session:
            self._sessions.set(response, session)
        if notice:
            response.delete_cookie(NOTICE, path="/")
        return response

    def problem(self, request: Request, status: int, problem: Problem) -> Response | None:
        """An error as a page, when a browser asked for one; None when it is for a program."""
        if not is_page(request.scope["path"]):
            return None
        return self.show(request, "problem.html", status, problem=problem)


def back_to(where: str, told: str = "", ok: bool = True) -> Response:
    """After a form: see another page, which tells once what came of it."""
    response = RedirectResponse(where, 303, HEADERS)
    if told:
        value = quote(json.dumps([ok, told[:600]]))
        response.set_cookie(NOTICE, value, max_age=60, path="/", httponly=True, samesite="lax")
    return response


def read_notice(request: Request) -> dict[str, Any] | None:
    """What the last form's answer wants told."""
    from urllib.parse import unquote

    try:
        ok, told = json.loads(unquote(request.cookies.get(NOTICE, "")))
    except ValueError:
        return None
    return {"ok": bool(ok), "text": str(told)}


def is_page(path: str) -> bool:
    """Whether a browser is asking: errors are then told as a page."""
    first = path.split("/")[1] if path.startswith("/") else ""
    return first in ("incidents", "governor", "audit", "login", "logout", "oidc", "link")


def clock(moment: datetime | None) -> str:
    """A moment in UTC, to the second."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" if moment else "-"


def iso(moment: datetime | None) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds") if moment else ""


def ago(moment: datetime | None) -> str:
    """How long ago, or in how long, in words."""
    if moment is None:
        return "-"
    seconds = (datetime.now(UTC) - moment).total_seconds()
    return f"{lasted(seconds)} ago" if seconds >= 0 else f"in {lasted(-seconds)}"


def value(found: Any) -> str:
    """A field's value as people read it: text as it is, everything else as JSON."""
    if found is None:
        return "(not set)"
    return found if isinstance(found, str) else json.dumps(found, indent=2, ensure_ascii=False, default=str)


def words(name: Any) -> str:
    """A term of the engine as words.

    >>> words("waiting_for_approval")
    'waiting for approval'
    """
    return str(name).replace("_", " ")


def path(name: str) -> str:
    """Part of an address."""
    return quote(name, safe="")


def _version_of_static() -> str:
    """Changes when a static file does, so that browsers may keep it for long."""
    content = b"".join((HERE / "static" / name).read_bytes() for name in STATIC)
    return hashlib.sha256(content).hexdigest()[:12]
