"""What the engine tells about itself: metrics, traces and logs, under the names of the seven stages."""

from suture.telemetry.logs import setup_logging
from suture.telemetry.metrics import METRICS, Metrics, record_action, record_incident
from suture.telemetry.sdk import sdk_runtime
from suture.telemetry.tracing import setup_tracing, temporal_plugins

__all__ = [
    "METRICS",
    "Metrics",
    "record_action",
    "record_incident",
    "sdk_runtime",
    "setup_logging",
    "setup_tracing",
    "temporal_plugins",
]
