"""Column types that behave the same on SQLite and PostgreSQL: aware times, JSON, packed JSON, text."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import zstandard
from sqlalchemy import JSON, DateTime, Dialect, LargeBinary, String, Text, TypeDecorator
from sqlalchemy.dialects.postgresql import JSONB

REPLACEMENT = "�"  # PostgreSQL keeps neither NUL in text nor lone surrogates in JSON


def pack(value: Any) -> bytes:
    """JSON, compressed with Zstandard. Text that UTF-8 cannot carry is replaced."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return zstandard.ZstdCompressor(level=3).compress(text.encode("utf-8", "replace"))


def unpack(data: bytes) -> Any:
    """The inverse of `pack`."""
    return json.loads(zstandard.ZstdDecompressor().decompress(data))


def plain(value: Any) -> Any:
    """The same JSON value with everything replaced that one of the databases would refuse."""
    if isinstance(value, str):
        return value.replace("\0", REPLACEMENT).encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {plain(k): plain(v) for k, v in value.items()}
    return [plain(v) for v in value] if isinstance(value, list) else value


class UtcDateTime(TypeDecorator[datetime]):
    """Always aware and in UTC. SQLite keeps no zone: it gets UTC without one. A naive time counts as UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        aware = value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
        return aware.replace(tzinfo=None) if dialect.name == "sqlite" else aware

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


class Words(TypeDecorator[str]):
    """Text of any length."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else str(plain(value))


class Name(TypeDecorator[str]):
    """Text of a limited length, for keys and what is searched for."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else str(plain(value))


class Json(TypeDecorator[Any]):
    """JSON that can be searched with SQL (JSONB on PostgreSQL)."""

    impl = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        return plain(value)


class Packed(TypeDecorator[Any]):
    """JSON that is only read as a whole, compressed. `bytes` are packed already (outside the event loop)."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> bytes | None:
        return value if value is None or isinstance(value, bytes) else pack(value)

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> Any:
        return None if value is None else unpack(value)
