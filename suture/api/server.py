"""Serves the application inside this process's own event loop; signals stay with whoever runs the process."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Generator
from contextlib import contextmanager

import structlog
import uvicorn
from starlette.types import ASGIApp

from suture.api.auth import check_exposure
from suture.domain.errors import Invalid
from suture.settings import Settings

log = structlog.get_logger(__name__)
GRACE_SECONDS = 10  # how long requests in flight may take to end
KEEP_ALIVE_SECONDS = 30
PROXIES = "127.0.0.1,::1"  # whose X-Forwarded-For is believed


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


class Gateway:
    """An application on `settings.listen`.

    With port 0 the system picks one: see `address` after `started`.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._settings = settings
        self.started = asyncio.Event()
        self.address = ""

    @property
    def url(self) -> str:
        return f"http://{self.address}"

    async def serve(self, stop: asyncio.Event) -> None:
        """Serve until `stop` is set, then let requests in flight end.

        Raises Invalid for an unusable address.
        """
        check_exposure(self._settings)
        listener = listen(self._settings)
        host, port = listener.getsockname()[:2]
        self.address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        server = _Server(_config(self._app))
        running = asyncio.create_task(server.serve(sockets=[listener]), name="gateway")
        stopping = asyncio.create_task(stop.wait(), name="gateway's stop")
        try:
            await self._announce(server, running)
            await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            server.should_exit = True
            stopping.cancel()
            await running
            listener.close()
            self.started.clear()

    async def _announce(self, server: uvicorn.Server, running: asyncio.Task[None]) -> None:
        while not server.started and not running.done():  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0.01)
        if server.started:
            self.started.set()
            closed = self._settings.tokens() or self._settings.access_file
            access = "who says who they are" if closed else "this machine only, because no token is set"
            log.info("the gateway listens", address=self.address, serves=access)


def listen(settings: Settings) -> socket.socket:
    """A listening socket. Raises Invalid, with what to do, when the address can't be used."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen(2048)
            listener.setblocking(False)
        except OSError:
            listener.close()
            raise
    except OSError as e:
        reason = f"cannot listen on {settings.listen}: {e.strerror}"
        raise Invalid(f"{reason}; set SUTURE_LISTEN to a free address") from e
    return listener


def _config(app: ASGIApp) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        ws="none",
        lifespan="off",
        proxy_headers=True,
        forwarded_allow_ips=PROXIES,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
        h11_max_incomplete_event_size=65_536,
    )
