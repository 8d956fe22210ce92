"""Turn drivers' errors into the engine's, without their texts: those may quote values, which may be secret.

What may go away by itself (no connection, locked, disk full, shutting down, failed over) is `Unavailable` and
is retried; everything else is a mistake of ours or of the schema and is `Invalid`, so that it is not repeated
for ever.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import exc

from suture.domain.errors import Invalid, Unavailable

_SQLITE_PASSING = (
    "SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_FULL", "SQLITE_IOERR", "SQLITE_CANTOPEN", "SQLITE_READONLY",
    "SQLITE_NOMEM", "SQLITE_PROTOCOL", "SQLITE_INTERRUPT", "SQLITE_NOTADB", "SQLITE_CORRUPT", "SQLITE_PERM",
    "SQLITE_AUTH",
)  # fmt: skip
# Classes: connection, resources, operator's intervention, system, rolled back; then: cannot lock, server is
# read-only, authorization, no such database, internal.
_POSTGRES_PASSING = ("08", "53", "57", "58", "40", "55P03", "25006", "28", "3D000", "XX")
_ADVICE = {
    "SQLITE_FULL": "the disk is full: free some space",
    "SQLITE_BUSY": "another process holds its lock",
    "SQLITE_READONLY": "its file may not be written",
    "SQLITE_NOTADB": "the file is not a SQLite database: name another file, or move it away",
    "SQLITE_CORRUPT": "the file is damaged: restore it from a backup",
    "SQLITE_CANTOPEN": "its file cannot be opened",
    "53100": "its disk is full: free some space",
    "28P01": "it refuses the user or the password",
    "28000": "it refuses the user or the password",
    "3D000": "it has no database of that name",
    "25006": "it is read-only: connect to the primary server",
}


def code_of(error: exc.DBAPIError) -> str:
    """SQLite's error name or PostgreSQL's SQLSTATE; empty when there is none (no connection)."""
    original: BaseException | None = error.orig
    while original is not None:
        code = getattr(original, "sqlite_errorname", None) or getattr(original, "sqlstate", None)
        if code:
            return str(code)
        original = original.__cause__
    return ""


def is_passing(error: exc.DBAPIError) -> bool:
    """Whether the same statement may succeed later."""
    code = code_of(error)
    if code.startswith("SQLITE_"):
        return code.startswith(_SQLITE_PASSING)
    if code:
        return code.startswith(_POSTGRES_PASSING)
    return error.connection_invalidated or isinstance(error, exc.OperationalError | exc.InterfaceError)


def describe(error: exc.DBAPIError) -> str:
    """What happened, in words that hold no value of any row."""
    code = code_of(error)
    advice = next((text for start, text in _ADVICE.items() if code.startswith(start)), "")
    parts = [advice or "it does not answer" if is_passing(error) else "it refuses the statement", code]
    diag = getattr(error.orig, "diag", None)
    parts += [
        str(x) for x in (getattr(diag, "table_name", None), getattr(diag, "constraint_name", None)) if x
    ]
    return parts[0] + (f" ({', '.join(p for p in parts[1:] if p)})" if any(parts[1:]) else "")


@contextmanager
def mapped(name: str) -> Iterator[None]:
    """Raise Unavailable or Invalid instead of drivers' errors; `name` is the database's, without password."""
    try:
        yield
    except exc.DBAPIError as e:
        kind = Unavailable if is_passing(e) else Invalid
        raise kind(f"database {name}: {describe(e)}") from None
    except exc.StatementError as e:
        raise Invalid(f"database {name}: a value does not fit its column ({type(e.orig).__name__})") from None
    except exc.SQLAlchemyError as e:
        kind = Unavailable if isinstance(e, exc.TimeoutError) else Invalid
        raise kind(f"database {name}: {type(e).__name__}") from None
    except (OSError, TimeoutError) as e:
        raise Unavailable(f"database {name}: {type(e).__name__}") from None
