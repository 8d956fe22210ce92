"""Tells people by a line in the log: what an installation has that names no contacts."""

from __future__ import annotations

import structlog

from suture.domain.notice import Notice

log = structlog.get_logger(__name__)


class LogNotifier:
    """`ports.Notifier` without any contact: whoever reads the log is told."""

    async def notify(self, notice: Notice) -> list[str]:
        log.warning("notice", **notice.model_dump())
        return ["log"]
