"""No secret reaches the disk: not in a column, not in a compressed one, not in the raw bytes of the file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import select

from suture.domain.action import Receipt
from suture.domain.decision import Decision
from suture.domain.incident import IncidentRecord
from suture.domain.report import Report
from suture.memory.ledger import SqlLedger
from suture.memory.redacting import clean
from suture.memory.store import SqlMemory
from suture.memory.tables import Base
from suture.sealing import Sealer
from tests.memory.samples import NONE_OF_IT, change, deployment, healed, secret, secret_receipt

SPOKEN = f"login failed: password={NONE_OF_IT} for postgres://shop:{NONE_OF_IT}@db/shop"


def leaky() -> IncidentRecord:
    """Everything a person or an adapter can fill in, with the secret in it."""
    story = healed()
    story.summary = SPOKEN
    story.reports = [
        Report(
            source="cli", target=story.target, summary=SPOKEN, labels={"api_token": NONE_OF_IT, "x": SPOKEN}
        )
    ]
    tried = story.attempts[0]
    tried.decision = Decision(by="ada", reason=SPOKEN)
    tried.receipts, tried.result = [secret_receipt("i1/1")], SPOKEN
    story.note(story.timings.started_at, SPOKEN, db_password=NONE_OF_IT)
    return story


async def fill(memory: SqlMemory) -> None:
    story = leaky()
    await memory.open_incident(story)
    await memory.put_evidence(
        "i1", "logs", {"lines": [SPOKEN], "env": [{"name": "PGPASSWORD", "value": NONE_OF_IT}]}
    )
    receipt: Receipt = await memory.begin_action("i1", secret_receipt(), None)
    await memory.end_action("i1/0", receipt)
    await memory.begin_action("i1", secret_receipt("i1/1"), None)
    await memory.end_action("i1/1", None, SPOKEN)
    await memory.save_incident(story)
    leaking = deployment()
    leaking["spec"]["template"]["spec"]["containers"][0]["env"] = [{"name": "API_KEY", "value": NONE_OF_IT}]
    for cluster, sealer in (("a", Sealer(bytes(64))), ("b", None)):
        await SqlLedger(memory.database, cluster, sealer).record(
            [change(leaking), change(secret(NONE_OF_IT))]
        )


async def test_nothing_stored_holds_a_secret(memory: SqlMemory) -> None:
    await fill(memory)

    async def everything(connection: Any) -> str:
        tables = Base.metadata.sorted_tables
        return repr([[tuple(r) for r in await connection.execute(select(table))] for table in tables])

    stored = await memory.database.read(everything)
    assert "[redacted]" in stored and "i1/1" in stored
    assert NONE_OF_IT not in stored


async def test_the_raw_file_holds_no_secret(tmp_path: Path, sealer: Sealer) -> None:
    async with await SqlMemory.connect(f"sqlite:///{tmp_path}/m.db", sealer) as memory:
        await fill(memory)
        raw = b"".join(p.read_bytes() for p in tmp_path.iterdir())
    assert b"api_token" in raw or b"DB_PASSWORD" in raw
    assert NONE_OF_IT.encode() not in raw


async def test_only_the_owner_can_read_the_file(tmp_path: Path) -> None:
    async with await SqlMemory.connect(f"sqlite:///{tmp_path}/state/m.db") as memory:
        await memory.ready()
        assert {oct(p.stat().st_mode & 0o077) for p in (tmp_path / "state").iterdir()} == {"0o0"}


def test_names_and_sealed_values_are_no_secrets(sealer: Sealer) -> None:
    sealed = sealer.seal(NONE_OF_IT)
    reference = {"kind": "ClusterRole", "namespace": "", "name": "system:token:reader"}
    value = {
        "token": reference,
        "password": sealed,
        "db_password": "x",
        "id": "a-token:7",
        "list": [float("nan"), "ok"],
    }
    found = clean(value, keep=frozenset(("a-token:7",)))
    assert found == value | {"db_password": "[redacted]", "list": [None, "ok"]}


def test_a_text_that_only_begins_like_a_sealed_one_is_not_spared() -> None:
    assert clean({"password": f"sealed:v1:x {NONE_OF_IT}"}) == {"password": "[redacted]"}
