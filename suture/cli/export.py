"""`suture export`: incidents as a file for notebooks, spreadsheets and training."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Literal, get_args

import typer

File = Annotated[Path, typer.Argument(metavar="FILE", help="Where to write.")]
Format = Annotated[
    str | None, typer.Option("--format", help="parquet or jsonl; default: what FILE ends with.")
]
Since = Annotated[
    str | None, typer.Option(metavar="AGE", help="Only newer ones, for example 12h, 30d or 2026-07-01.")
]
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
Formats = Literal["parquet", "jsonl"]


Tracking = Annotated[
    bool, typer.Option("--tracking", help="Only the seven columns that routing is judged by.")
]


def export(file: File, as_format: Format = None, since: Since = None, tracking: Tracking = False) -> None:
    """Write incidents with their actions to a file."""
    from suture.cli import attach
    from suture.cli.problems import WrongUse

    named = as_format or file.suffix.removeprefix(".")
    chosen: Formats | None = next((f for f in get_args(Formats) if f == named), None)
    if chosen is None:
        raise WrongUse(f"format {named!r} is unknown", "write --format parquet or --format jsonl")
    if not file.expanduser().absolute().parent.is_dir():
        raise WrongUse(f"there is no folder {file.expanduser().absolute().parent}", "make it first")
    count = attach.run(_write(file.expanduser(), chosen, moment(since) if since else None, tracking))
    print(f"wrote {count} incidents to {file}")


def moment(text: str, now: datetime | None = None) -> datetime:
    """The moment that an age (`30d`) or a date means; raises WrongUse.

    >>> moment("2h", datetime(2026, 1, 1, 12, tzinfo=UTC)).hour, moment("2026-07-01").month
    (10, 7)
    """
    from suture.cli.problems import WrongUse

    match = re.fullmatch(r"(\d{1,6})([mhdw])", text)
    if match:
        return (now or datetime.now(UTC)) - timedelta(**{_UNITS[match[2]]: int(match[1])})
    try:
        read = datetime.fromisoformat(text)
    except ValueError as e:
        raise WrongUse(
            f"{text!r} is neither an age nor a date", "write for example 12h, 30d or 2026-07-01"
        ) from e
    return read if read.tzinfo else read.replace(tzinfo=UTC)


async def _write(file: Path, chosen: Formats, since: datetime | None, tracking: bool) -> int:
    from suture.cli import attach, history
    from suture.cli.problems import Failure

    installation = attach.find()
    async with history.opened(installation) as memory:
        if memory is None:
            raise Failure(
                f"there is no database yet at {installation.settings.database_url}", "start `suture up` once"
            )
        from suture.memory.export import EXTRA, TRACKING, export_tracking

        columns = TRACKING if tracking else (*TRACKING, *EXTRA)
        return await export_tracking(memory, file, chosen, since, columns)
