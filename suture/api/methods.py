"""405 with every method that an address takes: routes of one address may stand in several routers, and each knows its own.

Asked before a body is read: what nobody takes needs no well-formed body.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Receive, Scope, Send

from suture.api.errors import Refused

LOOK = "/openapi.json lists the addresses and their methods"


class Methods:
    """Middleware: refuses a method that no route of the address takes."""

    def __init__(self, app: ASGIApp, routes: Iterable[BaseRoute]) -> None:
        self._app = app
        self._routes = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            taken = set(self._taken(scope))
            if taken and scope["method"] not in taken:
                allow = {"Allow": ", ".join(sorted(taken))}
                raise Refused(405, "method not allowed", LOOK, allow)
        await self._app(scope, receive, send)

    def _taken(self, scope: Scope) -> Iterator[str]:
        for route in _flat(self._routes):
            match, _ = route.matches(dict(scope))
            if match is not Match.NONE:
                yield from getattr(route, "methods", None) or (scope["method"],)


def _flat(routes: Iterable[BaseRoute]) -> Iterator[BaseRoute]:
    """FastAPI keeps an included router as one route of its own."""
    for route in routes:
        included = getattr(route, "original_router", None)
        if included is None:
            yield route
        else:
            yield from _flat(included.routes)
