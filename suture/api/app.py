"""The gateway's application: what senders of reports and whoever watches the engine talk to."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence

from fastapi import Depends, FastAPI
from fastapi.telemetry import TelemetryConfig

import suture
from suture.access import People, Role
from suture.api import errors, health, reports, site
from suture.api.auth import Authenticate, Gate, Tokens, needs
from suture.api.body import StrictJson
from suture.api.identity import Sessions
from suture.api.methods import Methods
from suture.api.observe import QUIET, Observe
from suture.ingest.coalesce import CoalescingIncidents
from suture.ingest.targets import Resolver
from suture.ports import Incidents
from suture.settings import Settings
from suture.telemetry.metrics import METRICS, Metrics

SPANS = (
    TelemetryConfig(  # FastAPI continues the trace of `traceparent`; the other signals are ours, and redacted
        tracing=True,
        operation_spans=False,
        metrics=False,
        logs=False,
        exclude=lambda scope: scope.get("path") in QUIET,
    )
)


def create_app(
    settings: Settings,
    incidents: Incidents,
    resolver: Resolver,
    checks: Mapping[str, health.Check] | None = None,
    metrics: Metrics = METRICS,
    *,
    sdk_metrics_url: str = "",
    link: Callable[[str], str] = lambda _workflow_id: "",
    open_count: health.OpenCount = None,
    gauges: Sequence[health.Gauge] = (),
    parts: site.Parts | None = None,
) -> FastAPI:
    """The application. `incidents` is wrapped so that storms become few signals; /readyz asks the `checks`; without `parts`
    there are no pages.

    Raises ValueError when a token's file can't be read, Invalid when the access file can't.
    """
    app = FastAPI(
        title="Suture",
        version=suture.__version__,
        summary="Takes reports of trouble; each becomes, or joins, an incident",
        docs_url=None,  # these pages load their scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,
        telemetry=SPANS,
    )
    errors.install(app)
    inbox = reports.Inbox(CoalescingIncidents(incidents), metrics, link)
    app.include_router(
        reports.routes(inbox, resolver, settings.cluster), dependencies=[Depends(needs(Role.RESPONDER))]
    )
    app.include_router(
        health.routes(
            checks or {}, metrics if settings.metrics else None, sdk_metrics_url, open_count, gauges
        )
    )
    app.add_middleware(StrictJson, limit=settings.body_limit)
    app.add_middleware(Methods, routes=app.router.routes)
    gate = Gate(People(settings.access_file), Tokens(settings))
    key = settings.web_key() if parts else secrets.token_bytes(64)
    sessions = Sessions(key, gate.people, settings.public_url.startswith("https://"))
    if parts:
        site.install(app, settings, parts, gate, sessions, link)
    app.add_middleware(Authenticate, gate=gate, sessions=sessions, public_url=settings.public_url)
    app.add_middleware(Observe, metrics=metrics)
    return app
