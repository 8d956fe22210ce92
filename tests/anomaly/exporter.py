"""A small exporter with numbers that a test sets, and a real Prometheus that scrapes it several times a second."""

from __future__ import annotations

import math
import random
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx2

from lab.processes import free_ports
from lab.tools import tool

SCRAPE = 0.2  # seconds
CONFIG = """
global: {{scrape_interval: 200ms, scrape_timeout: 200ms}}
scrape_configs:
  - job_name: shop
    static_configs: [{{targets: ["127.0.0.1:{port}"]}}]
"""


class Exporter:
    """Three metrics of a healthy web server, a disk that can fill, a certificate; `broken` breaks it."""

    def __init__(self) -> None:
        self.broken = False
        self._rate, self._since = 0.0, time.time()
        self._began = time.time()
        self._random = random.Random(0)

    def fill(self, rate: float) -> None:
        """Let the disk fill by so much a second from now on."""
        self._rate, self._since = rate, time.time()

    def page(self) -> str:
        now = time.time()
        load = 10 + 2 * math.sin(now) + self._random.gauss(0, 0.1)
        latency = 90.0 if self.broken else 0.1 * load + self._random.gauss(0, 0.01)
        labels = 'namespace="shop",deployment="web"'
        lines = {
            f"web_requests{{{labels}}}": load,
            f"web_latency{{{labels}}}": latency,
            f"web_busy{{{labels}}}": 3 * load + self._random.gauss(0, 0.1),
            'disk_used{node="n1"}': 50 + self._rate * (now - self._since) + self._random.gauss(0, 0.05),
            f"cert_not_after{{{labels}}}": self._began + 3600,
        }
        return "".join(f"{name} {value}\n" for name, value in lines.items())


@contextmanager
def prometheus(exporter: Exporter, folder: Path) -> Iterator[str]:
    """Its URL, once it answers."""
    page = exporter.page

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = page().encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.end_headers()
            with suppress(BrokenPipeError):  # a scrape that took too long
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    (folder / "prometheus.yml").write_text(CONFIG.format(port=server.server_port))
    (port,) = free_ports(1)
    command = [
        str(tool("prometheus")),
        f"--config.file={folder}/prometheus.yml",
        f"--storage.tsdb.path={folder}/data",
    ]
    command.append(f"--web.listen-address=127.0.0.1:{port}")
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        _until_ready(f"http://127.0.0.1:{port}")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(20)
        server.shutdown()
        server.server_close()


def _until_ready(url: str, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    with httpx2.Client(trust_env=False) as client:
        while time.monotonic() < end:
            try:
                if client.get(f"{url}/-/ready").status_code == 200:
                    return
            except httpx2.HTTPError:
                pass
            time.sleep(0.1)
    raise AssertionError("Prometheus does not answer")
