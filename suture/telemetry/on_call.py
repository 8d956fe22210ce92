"""Tells people by a line in the log: what an installation has that names no contacts."""

from __future__ import annotations

import structlog

from suture.domain.call import Call

log = structlog.get_logger(__name__)


class LogOnCall:
    """`ports.OnCall` without any contact: whoever reads the log is told."""

    async def call(self, call: Call) -> list[str]:
        log.warning("call", **call.model_dump())
        return ["log"]
