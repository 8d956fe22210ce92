"""The alert is sent as Alertmanager would: again while the engine is away, but not for ever."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import SimpleNamespace
from typing import Any, cast

import pytest

from lab.processes import free_ports
from lab.scenario import alert
from lab.scenario.model import Alert
from lab.scenario.trial import Trial, TrialFailed


class _Gateway(HTTPServer):
    answers: list[int]
    bodies: list[dict[str, Any]]


class _Handler(BaseHTTPRequestHandler):
    server: _Gateway

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.bodies.append(json.loads(body))
        self.send_response(self.server.answers.pop(0) if self.server.answers else 202)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def gateway() -> Iterator[_Gateway]:
    server = _Gateway(("127.0.0.1", 0), _Handler)
    server.answers, server.bodies = [], []
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alert, "_AGAIN", 0.05)


def _trial(halted: bool = False) -> Trial:
    given = Alert(labels={"alertname": "TargetDown", "job": "web"}, status="resolved")
    event = threading.Event()
    if halted:
        event.set()
    scenario = SimpleNamespace(name="a", alert=given, severity="critical")
    return cast(
        Trial, SimpleNamespace(ns="shop-1", scenario=scenario, observer=SimpleNamespace(halted=event))
    )


def _url(server: _Gateway) -> str:
    return f"http://127.0.0.1:{server.server_port}/alerts"


def test_what_is_refused_is_sent_again_unchanged(gateway: _Gateway) -> None:
    gateway.answers = [503, 500]
    alert.poster(_url(gateway), patience=10)(_trial())
    first, *others = gateway.bodies
    assert others == [first, first]
    assert (first["status"], first["alerts"][0]["labels"]["namespace"]) == ("resolved", "shop-1")


def test_without_patience_a_refusal_fails_the_trial(gateway: _Gateway) -> None:
    gateway.answers = [503]
    with pytest.raises(TrialFailed, match="503"):
        alert.poster(_url(gateway))(_trial())


def test_nobody_there() -> None:
    [port] = free_ports(1)
    with pytest.raises(TrialFailed, match="does not take the alert"):
        alert.poster(f"http://127.0.0.1:{port}/", patience=0.2)(_trial())
    with pytest.raises(TrialFailed):
        alert.poster(f"http://127.0.0.1:{port}/", patience=600)(_trial(halted=True))


def test_without_a_url_the_engine_must_find_out_by_itself() -> None:
    alert.poster(None)(_trial())
