"""Logs: one line an event, for people or as JSON, with everything that looks like a secret replaced.

The standard library's loggers (uvicorn, temporalio, sqlalchemy ...) go through the same chain, so that they
can't tell what the engine's own lines hide. Lines carry the trace's id when there is one.
"""

from __future__ import annotations

import logging
import sys
from typing import Any, TextIO

import structlog
from opentelemetry import trace
from structlog.typing import EventDict, Processor

from suture.domain.redaction import redact

_PLAIN = (str, int, float, bool, type(None), dict, list, tuple)
QUIET = (
    "uvicorn", "uvicorn.error", "httpcore2", "httpx2", "asyncio", "kubernetes", "aiosqlite", "alembic.runtime.plugins",
)  # fmt: skip


def setup_logging(json: bool = False, level: str | int = "INFO", stream: TextIO | None = None) -> None:
    """Configure structlog and the standard library's logging for this process; the last call counts."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*_CHAIN, structlog.stdlib.ExtraAdder()],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                redact_event,
                _renderer(json, handler.stream),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            *_CHAIN,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )


def redact_event(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Replace secrets in the whole line, exceptions' texts included."""
    told = {k: v if isinstance(v, _PLAIN) else str(v) for k, v in event.items()}
    return dict(redact(told))


def add_trace(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Name the trace that the line belongs to."""
    context = trace.get_current_span().get_span_context()
    if context.is_valid:
        event["trace_id"] = trace.format_trace_id(context.trace_id)
        event["span_id"] = trace.format_span_id(context.span_id)
    return event


def _renderer(json: bool, stream: Any) -> Processor:
    if json:
        return structlog.processors.JSONRenderer(ensure_ascii=False, default=str)
    return structlog.dev.ConsoleRenderer(colors=stream.isatty())


_CHAIN: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    add_trace,
]
