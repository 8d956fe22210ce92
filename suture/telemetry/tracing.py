"""Traces: one trace follows an alert from the webhook through the workflow and its activities to Kubernetes.

Off unless one of OpenTelemetry's own variables asks for it; all of them (OTEL_*) mean what its specification
says. Workflows need a provider whose ids are the same on replay: `setup_tracing` makes that one the global
one.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any

import structlog
from opentelemetry import trace

import suture
from suture.settings import Settings

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import SpanProcessor
    from temporalio.client import Plugin
    from temporalio.contrib.opentelemetry import ReplaySafeTracerProvider

log = structlog.get_logger(__name__)
_EXPORTERS = "opentelemetry_traces_exporter"  # the group of entry points that exporters register under
_provider: ReplaySafeTracerProvider | None = None


def tracing_wanted(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether the environment asks for traces."""
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return False
    exporter = environ.get("OTEL_TRACES_EXPORTER", "").strip().lower()
    if exporter == "none":
        return False
    endpoints = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
    return bool(exporter or any(environ.get(name) for name in endpoints))


def setup_tracing(settings: Settings) -> ReplaySafeTracerProvider | None:
    """Start exporting traces when the environment asks for it; call it before a Temporal client is made.

    Raises ValueError when the exporter that is asked for isn't installed.
    """
    global _provider
    if _provider is not None or not tracing_wanted():
        return _provider
    from opentelemetry.sdk.resources import Resource
    from temporalio.contrib.opentelemetry import create_tracer_provider

    ours = Resource(
        {"service.name": "suture", "service.version": suture.__version__, "suture.cluster": settings.cluster}
    )
    provider = create_tracer_provider(resource=ours.merge(_environments_resource()))
    names = os.environ.get("OTEL_TRACES_EXPORTER") or "otlp"
    for name in names.split(","):
        provider.add_span_processor(_processor(name.strip().lower()))
    trace.set_tracer_provider(provider)
    _provider = provider
    log.info("traces are exported", exporters=names)
    return provider


def temporal_plugins() -> list[Plugin]:
    """The plugins that Temporal's client needs for traces.

    Workers inherit them from it: don't give them twice.
    """
    if _provider is None:
        return []
    from temporalio.contrib.opentelemetry import OpenTelemetryPlugin

    return [OpenTelemetryPlugin(add_temporal_spans=True)]


def _environments_resource() -> Any:
    from opentelemetry.sdk.resources import OTELResourceDetector

    return OTELResourceDetector().detect()


def _processor(name: str) -> SpanProcessor:
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor

    exporter = _exporter(name)
    return SimpleSpanProcessor(exporter) if name == "console" else BatchSpanProcessor(exporter)


def _exporter(name: str) -> Any:
    if name == "otlp":
        variables = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
        protocol = next((os.environ[v] for v in variables if os.environ.get(v)), "grpc")
        name = "otlp_proto_http" if protocol.startswith("http") else "otlp_proto_grpc"
    for entry in entry_points(group=_EXPORTERS, name=name):
        return entry.load()()
    package = f"opentelemetry-exporter-{name.replace('_', '-')}"
    raise ValueError(
        f"trace exporter {name!r} is not installed: install {package}, or set OTEL_TRACES_EXPORTER=none"
    )
