"""What people use, put together: pages, forms, logins, links, and the same things for programs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from fastapi import FastAPI, Request
from fastapi.responses import FileResponse
from starlette.responses import RedirectResponse, Response

from suture.api import answering, audit_page, governing, incidents, login, pages
from suture.api.auth import Gate
from suture.api.deciding import Deciding
from suture.api.errors import Refused
from suture.api.identity import Sessions
from suture.api.oidc import Oidc
from suture.api.preview import Preview
from suture.api.web import HERE, STATIC, Pages
from suture.links import Links
from suture.ports import Audit, Cluster, Desk, Governor, IncidentServer
from suture.settings import Settings

FOR_A_DAY = "public, max-age=86400"


@dataclass(frozen=True)
class Parts:
    """What the pages show and act upon. Without a `cluster` plans are shown without their dry run."""

    desk: Desk
    audit: Audit
    cluster: Cluster | None = None
    governor: Governor | None = None
    incidents: IncidentServer | None = None  # whom the governor's switches call


def install(
    app: FastAPI,
    settings: Settings,
    parts: Parts,
    gate: Gate,
    sessions: Sessions,
    temporal: Callable[[str], str],
) -> None:
    """Add everything to the application. Raises ValueError when a secret's file can't be read."""
    key, people = settings.web_key(), gate.people
    deciding = Deciding(parts.desk, parts.audit)
    preview = Preview(parts.cluster) if parts.cluster else None
    oidc = Oidc(settings, key, people) if settings.oidc_issuer else None
    made = Pages(
        sessions,
        has_governor=parts.governor is not None,
        has_oidc=urlsplit(settings.oidc_issuer).hostname if oidc else "",
    )
    entrance = login.Entrance(sessions, deciding)
    links = answering.Answering(Links(key, settings.url), parts.desk, deciding, people, parts.audit)
    app.include_router(incidents.routes(parts.desk, deciding))
    app.include_router(pages.routes(made, parts.desk, deciding, people, preview, temporal))
    app.include_router(audit_page.routes(made, parts.audit))
    app.include_router(login.routes(made, gate, entrance))
    if parts.governor and parts.incidents:
        governs = governing.Governing(parts.governor, parts.incidents, deciding, settings.cluster)
        app.include_router(governing.api(governs))
        app.include_router(governing.page(made, governs))
    if oidc:
        app.include_router(login.oidc_routes(oidc, entrance))
    app.include_router(answering.routes(made, links, preview))
    _add_static(app)
    app.state.problem_page = made.problem
    app.state.home = home


def home(request: Request) -> Response | None:
    """Where a browser goes that asks for nothing in particular."""
    wants_page = "text/html" in request.headers.get("accept", "")
    return RedirectResponse("/incidents", 303) if wants_page else None


def _add_static(app: FastAPI) -> None:
    @app.get("/static/{name}", include_in_schema=False)
    async def static(name: str) -> Response:
        if name not in STATIC:
            raise Refused(404, "there is no such file", "load the page again")
        return FileResponse(
            HERE / "static" / name, media_type=STATIC[name], headers={"Cache-Control": FOR_A_DAY}
        )
