"""Headers, severities, families and entities of lines as programs write them."""

from __future__ import annotations

import pytest

from models.logs.entities import entities, service
from models.logs.families import families
from models.logs.header import Header, read
from models.logs.masks import mask
from models.logs.severity import Severity, severity


@pytest.mark.parametrize(
    ("line", "header"),
    [
        ("plain words", Header("plain words")),
        ("2026-01-02 03:04:05,678 WARN [main] a.b.C: late", Header("a.b.C: late", "2026-01-02 03:04:05,678", "WARN")),
        ("E0102 03:04:05.000001       1 sync.go:9] lost it", Header("lost it", "0102 03:04:05.000001", "ERROR")),
        ("Feb  3 04:05:06 n1 sshd(pam)[7]: no", Header("no", "Feb  3 04:05:06", "", "sshd")),
        ("web-1  | [2026-01-02 03:04:05] [error] x", Header("x", "2026-01-02 03:04:05", "error", "web-1")),
        ("[pod/db-0/pg] 2026-01-02T03:04:05Z y", Header("y", "2026-01-02T03:04:05Z", "", "db-0")),
        ('{"level":"warn","ts":17,"msg":"m","error":"e","logger":"l"}', Header("m: e", "17", "warn", "l")),
        ('time=2026-01-02T03:04:05Z level=error msg="a b" service=s', Header("a b", "2026-01-02T03:04:05Z", "error", "s")),
        ("{not json", Header("{not json")),
        ("ERRORS happen", Header("ERRORS happen")),
        ("", Header("")),
    ],
)  # fmt: skip
def test_headers(line: str, header: Header) -> None:
    assert read(line) == header


@pytest.mark.parametrize(
    ("text", "level", "grave"),
    [
        ("FATAL: gone", "", Severity.CRITICAL),
        ("job failed", "", Severity.ERROR),
        ("API is deprecated", "", Severity.WARNING),
        ("information", "", Severity.INFO),
        ("tick", "", Severity.DEBUG),
        ("done with 0 errors", "", Severity.DEBUG),
        ("all failed", "debug", Severity.DEBUG),
        ("fine", "severe", Severity.ERROR),
    ],
)
def test_severity(text: str, level: str, grave: Severity) -> None:
    assert severity(text, level) is grave


@pytest.mark.parametrize(
    ("text", "family"),
    [
        ("java.lang.OutOfMemoryError: Java heap space", "memory"),
        ("connect ECONNREFUSED 127.0.0.1:6379", "network"),
        ('password authentication failed for user "shop"', "auth"),
        ("ModuleNotFoundError: No module named 'yaml'", "dependency"),
        ("write /data/x: no space left on device", "storage"),
        ("ERROR: deadlock detected", "database"),
        ("x509: certificate has expired or is not yet valid", "certificate"),
        ("Failed to pull image: manifest unknown", "image"),
        ("runtime error: invalid memory address or nil pointer dereference", "crash"),
        ("accept: too many open files", "saturation"),
        ("unknown flag: --verbos", "configuration"),
    ],
)
def test_families(text: str, family: str) -> None:
    assert family in families(text)


def test_an_ordinary_line_has_no_family() -> None:
    assert families("request served in 12 ms") == ()


def test_entities() -> None:
    found = entities(
        "2026-01-02T03:04:05Z 10.0.0.7 could not open /var/lib/pg/wal: EIO ORA-00600, exit code 137, see C:\\logs\\a.txt, "
        "lookup cache.shop.svc: no such host; https://user:pw@auth.shop/x worker.go:12 999.1.1.1"
    )
    assert found.timestamps == ("2026-01-02T03:04:05Z",)
    assert found.addresses == ("10.0.0.7",)
    assert "/var/lib/pg/wal" in found.paths
    assert "C:\\logs\\a.txt" in found.paths
    assert {"EIO", "ORA-00600", "code 137"} <= set(found.error_codes)
    assert set(found.services) == {"cache", "auth"}


def test_names_of_pods_and_hosts_are_services() -> None:
    assert [service(s) for s in ("web-7d9f8b6c5d-abcde", "db-0", "api.shop.svc.cluster.local", "front-end")] == [
        "web", "db", "api", "front-end",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("at Sat Jun 18 02:08:10 2005 from fe80:0:0:0:1:2:3:4", "at <*> from <*>"),
        ("pid 42, 0x1f, 3.5e-7, -1, 12,345 rows", "pid <*>, <*>, <*>, <*>, <*> rows"),
        ("9f1c2e3a-0000-4444-8888-0123456789ab ok", "<*> ok"),
        ("db.shop.svc:5432 sent 1024 bytes (1 KB) in 00:12", "<*> sent <*> in <*>"),
        ("deadbeef and added stay, utf8 too", "deadbeef and added stay, utf8 too"),
    ],
)
def test_masks(text: str, masked: str) -> None:
    assert mask(text) == masked
