"""What the engine wrote, according to the API server's audit log."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from lab.objects import Obj, dig

ENGINE = "engine"
_QUIET = ("leases", "events")


@dataclass(frozen=True)
class Mark:
    """A place in the audit log, good even if the log is rotated afterwards."""

    inode: int
    offset: int


class AuditLog:
    """The audit log of a lab directory."""

    def __init__(self, home: Path) -> None:
        self._file = home / "audit.log"

    def mark(self) -> Mark:
        """The end of the log as it is now."""
        stat = self._file.stat()
        return Mark(stat.st_ino, stat.st_size)

    def engine_writes(self, since: Mark, namespace: str, others: Iterable[str] = ()) -> list[str]:
        """Writes in the trial's namespaces and cluster-wide ones; dry runs and reviews are none.

        Cluster-wide objects that bear the name of one of the `others` belong to a trial that runs beside this one.
        """
        foreign = tuple(others)
        return [
            _line(event)
            for event in self._events(since)
            if _counts(event, namespace) and not str(dig(event, "objectRef.name", "")).startswith(foreign)
        ]

    def _events(self, since: Mark) -> Iterator[Obj]:
        files = [self._file]
        offset = since.offset
        if self._file.stat().st_ino != since.inode:
            rotated = sorted(self._file.parent.glob("audit-*.log"))
            files = [f for f in rotated if f.stat().st_ino == since.inode] + files
            offset = since.offset if len(files) > 1 else 0
        for file in files:
            with file.open("rb") as lines:
                lines.seek(offset)
                offset = 0
                for line in lines:
                    if line.endswith(b"\n"):
                        yield json.loads(line)


def _counts(event: Obj, namespace: str) -> bool:
    where = dig(event, "objectRef.namespace", "")
    resource = str(dig(event, "objectRef.resource", ""))
    return (
        dig(event, "user.username") == ENGINE
        and "dryRun=" not in event.get("requestURI", "")
        and (not where or where.startswith(namespace))
        and resource not in _QUIET
        and not resource.endswith("reviews")
    )


def _line(event: Obj) -> str:
    ref = event.get("objectRef") or {}
    sub = f"/{ref['subresource']}" if ref.get("subresource") else ""
    return (
        f"{event['verb']} {ref.get('resource')}{sub} {ref.get('namespace', '')}/{ref.get('name', '')} "
        f"{dig(event, 'responseStatus.code', 0)}"
    )
