"""What watches the engine itself: does it live, can it work, what does it count."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Literal

import httpx2
import structlog
from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import BaseModel, Field

import suture
from suture.api.errors import documented
from suture.domain.errors import SutureError
from suture.domain.redaction import redact_text
from suture.telemetry.metrics import Metrics

log = structlog.get_logger(__name__)
Check = Callable[[], Awaitable[None]]  # returns when all is well, raises with the reason otherwise
OpenCount = Callable[[], Awaitable[int]] | None  # how many incidents run; raises a SutureError
Gauge = Callable[
    [Metrics], Awaitable[None]
]  # sets what is read at the moment of a scrape; raises a SutureError
CHECK_SECONDS = 5.0
SCRAPE_SECONDS = 2.0
ASIDE = ("policies",)  # told with the rest, but the engine works on without


class Alive(BaseModel):
    status: Literal["ok"] = "ok"
    version: str = suture.__version__


class Readiness(BaseModel):
    """Whether the engine can do its work, and what it misses."""

    ready: bool
    checks: dict[str, str] = Field(description="`ok`, or what is wrong (`failed` for those without a token)")


class Links(BaseModel):
    name: str = "suture"
    version: str = suture.__version__
    links: dict[str, str] = {
        "alertmanager": "/v1/alerts/alertmanager",
        "incidents": "/v1/incidents",
        "health": "/healthz",
        "readiness": "/readyz",
        "metrics": "/metrics",
        "openapi": "/openapi.json",
    }


def routes(
    checks: Mapping[str, Check],
    metrics: Metrics | None,
    sdk_metrics_url: str = "",
    open_count: OpenCount = None,
    gauges: Sequence[Gauge] = (),
) -> APIRouter:
    """The router of what isn't versioned; without `metrics` there is no page of them."""
    router = APIRouter(tags=["operation"])

    @router.get("/", summary="What is where", response_model=Links)
    async def index(request: Request) -> Any:
        home = getattr(request.app.state, "home", None)
        return (home(request) if home else None) or Links()  # a browser is led to the pages

    @router.get("/healthz", summary="Does the process live?")
    async def healthz() -> Alive:
        return Alive()

    unready: dict[int | str, dict[str, Any]] = {503: {"model": Readiness, "description": "Something is away"}}

    @router.get("/readyz", summary="Is all there that the engine needs?", responses=unready)
    async def readyz(request: Request, response: Response) -> Readiness:
        names = list(checks)
        results = dict(zip(names, await asyncio.gather(*(run_check(checks[n]) for n in names)), strict=True))
        ready = all(result == "ok" or name in ASIDE for name, result in results.items())
        response.status_code = 200 if ready else 503
        if not request.scope.get("suture.trusted"):
            results = {name: result if result == "ok" else "failed" for name, result in results.items()}
        return Readiness(ready=ready, checks=results)

    if metrics:
        _add_metrics(router, metrics, sdk_metrics_url, open_count, gauges)
    return router


def _add_metrics(
    router: APIRouter,
    metrics: Metrics,
    sdk_metrics_url: str,
    open_count: OpenCount,
    gauges: Sequence[Gauge],
) -> None:
    closed = documented(401, 403)

    @router.get("/metrics", summary="Metrics for Prometheus", response_class=Response, responses=closed)
    async def page() -> Response:
        notes = await asyncio.gather(
            _refresh(metrics, open_count), _sdk_page(sdk_metrics_url), *(_read(metrics, g) for g in gauges)
        )
        return Response(b"\n".join([metrics.page(), *notes]), media_type=CONTENT_TYPE_LATEST)


async def run_check(check: Check, seconds: float = CHECK_SECONDS) -> str:
    """`ok`, or the reason in words."""
    try:
        async with asyncio.timeout(seconds):
            await check()
    except TimeoutError:
        return f"no answer in {seconds:g} seconds"
    except SutureError as e:
        return redact_text(str(e)) or type(e).__name__
    except Exception as e:
        log.warning("a readiness check failed in a way that nobody foresaw", exc_info=True)
        return redact_text(f"{type(e).__name__}: {e}")[:300]
    return "ok"


async def _refresh(metrics: Metrics, open_count: OpenCount) -> bytes:
    if open_count is None:
        return b""
    try:
        async with asyncio.timeout(SCRAPE_SECONDS):
            metrics.incidents_open.set(await open_count())
    except (SutureError, TimeoutError):
        metrics.incidents_open.set(float("nan"))
        return b"# suture_incidents_open: Temporal did not answer\n"
    return b""


async def _read(metrics: Metrics, gauge: Gauge) -> bytes:
    try:
        async with asyncio.timeout(SCRAPE_SECONDS):
            await gauge(metrics)
    except (SutureError, TimeoutError) as e:
        return f"# some gauges are missing: {type(e).__name__}\n".encode()
    return b""


async def _sdk_page(url: str) -> bytes:
    if not url:
        return b""
    try:
        async with httpx2.AsyncClient(timeout=SCRAPE_SECONDS, trust_env=False) as client:
            return (await client.get(url)).raise_for_status().content
    except httpx2.HTTPError as e:
        return f"# the metrics of Temporal's SDK are missing: {type(e).__name__}\n".encode()
