"""The outermost layer: one count and one line a request, safe headers, and an answer to every error."""

from __future__ import annotations

import time
from typing import Any

import structlog
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from suture.api.errors import Problem, Refused, problem_response
from suture.telemetry.metrics import Metrics

log = structlog.get_logger(__name__)
SAFE_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
QUIET = frozenset({"/healthz", "/readyz", "/metrics"})  # asked every few seconds


class Observe:
    """Middleware around all others. The request's span is FastAPI's own."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        method = scope["method"] if scope["method"] in METHODS else "OTHER"
        begun = time.perf_counter()
        status = await self._answer(scope, receive, send)
        route = getattr(scope.get("route"), "path", "unmatched")
        seconds = time.perf_counter() - begun
        self._metrics.record_request(method, route, status, seconds)
        if route not in QUIET or status >= 500:
            log.info("request", method=method, route=route, status=status, ms=round(seconds * 1000, 1))

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> int:
        """Run the application; returns the status that was sent."""
        status = 0

        async def safely(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                for name, value in SAFE_HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            await self._app(scope, receive, safely)
        except Refused as e:
            await e.response()(scope, receive, safely)
        except Exception:
            log.exception("a request failed in a way that nobody foresaw")
            if not status:
                await _failed(scope, receive, safely)
        return status


async def _failed(scope: Scope, receive: Receive, send: Any) -> None:
    problem = Problem(error="the gateway failed", what_to_do="send it again later; its log has the reason")
    await problem_response(500, problem)(scope, receive, send)
