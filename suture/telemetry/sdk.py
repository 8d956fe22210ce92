"""Metrics of Temporal's SDK (slots, latencies, failures), which its core serves itself, on loopback only."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from temporalio.runtime import Runtime


def sdk_runtime(tries: int = 5) -> tuple[Runtime, str]:
    """A runtime for `Client.connect(runtime=...)` and the address of its metrics.

    Make one a process: it owns threads.

    The core can't tell which port it took, so a free one is picked beforehand, and another when it was lost
    meanwhile.
    """
    from temporalio.runtime import PrometheusConfig, Runtime, TelemetryConfig

    for left in reversed(range(tries)):
        address = f"127.0.0.1:{_free_port()}"
        config = PrometheusConfig(
            bind_address=address, counters_total_suffix=True, unit_suffix=True, durations_as_seconds=True
        )
        try:
            return Runtime(telemetry=TelemetryConfig(metrics=config)), f"http://{address}/metrics"
        except Exception:  # the bridge raises whatever the core says
            if not left:
                raise
    raise AssertionError("tries must be at least 1")


def _free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])
