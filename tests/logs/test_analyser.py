"""The whole: counts, families and the chain across services, from any stream in bounded memory."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tracemalloc
from pathlib import Path

import pytest

from models.logs import analyser
from models.logs.analyser import Logs, StreamAnalyser
from models.logs.drain import Drain
from models.logs.evaluation import grouping_accuracy
from models.logs.synthetic import FORMS, lines

DB = [
    "2026-01-02 03:03:58.123 UTC [1] LOG: checkpoint starting",
    '2026-01-02 03:04:05.123 UTC [1] FATAL: could not write "/var/lib/pg/wal/000001": No space left on device',
]
WEB = [
    "2026-01-02T03:04:00Z INFO GET /cart served in 12ms",
    "2026-01-02T03:04:10Z ERROR cannot reach db.shop.svc:5432: dial tcp 10.0.0.7:5432: connect: connection refused",
    "Traceback of the error",
    "2026-01-02T03:04:11Z ERROR cannot reach db.shop.svc:5432: dial tcp 10.0.0.7:5432: connect: connection refused",
]
GATE = [
    '{"time":"2026-01-02T03:04:15Z","level":"error","msg":"GET http://web.shop/cart: context deadline exceeded"}'
]
OTHER = ["2026-01-02T09:00:00Z ERROR nightly report failed: unknown field colour"]


def test_the_first_cause_comes_before_its_consequences_across_services() -> None:
    found = Logs().analyse({"gateway": GATE, "web": WEB, "report": OTHER, "db": DB})
    assert [e.service for e in found.chain] == ["db", "web", "web", "gateway", "report"]
    assert found.first == 0
    assert "No space left" in found.chain[0].text
    assert [e.cause for e in found.chain] == [None, 0, 1, 1, None]
    assert found.chain[1].why == "names db"
    assert found.chain[1].count == 2
    assert found.chain[3].why == "names web"
    assert found.families == {"network": 3, "storage": 1, "configuration": 1}


def test_a_line_without_a_time_belongs_to_the_one_before() -> None:
    found = Logs().analyse({"web": WEB})
    assert found.chain[1].text == "Traceback of the error"
    assert found.chain[1].at == found.chain[0].at


def test_without_times_the_order_counts() -> None:
    found = Logs().analyse({"": ["panic: out of memory", "x", "worker failed", "0 errors"]})
    assert [(e.text, e.cause) for e in found.chain] == [("panic: out of memory", None), ("worker failed", 0)]


@pytest.mark.parametrize("form", list(FORMS))
def test_counts_are_those_of_the_templates(form: str) -> None:
    made = list(lines(2000, form))
    stream, groups = StreamAnalyser(year=2026), []
    for text, _ in made:
        stream.feed([text])
        groups.append(stream._forms["\0" + analyser._FIGURES.sub("0", text)].group)
    assert grouping_accuracy([g.current.id for g in groups], [n for _, n in made]) >= 0.95
    found = stream.analysis()
    assert found.lines == sum(t.count for t in found.templates) == 2000
    assert sum(found.severities.values()) == 2000
    assert {"network", "storage"} <= set(found.families)


def test_memory_stays_bounded_whatever_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(analyser, "MAX_FORMS", 500)
    monkeypatch.setattr(analyser, "MAX_EVENTS", 50)
    rng = random.Random(0)
    stream = StreamAnalyser(Drain(max_groups=200))
    words = ["".join(rng.choices("abcdefghij", k=6)) for _ in range(2000)]

    def noise(count: int) -> list[str]:
        return [f"ERROR {' '.join(rng.choices(words, k=rng.randint(1, 9)))}" for _ in range(count)]

    stream.feed(noise(3000))
    tracemalloc.start()
    stream.feed(noise(3000))
    grown, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert grown < 3_000_000
    assert len(stream._forms) <= 500
    assert len(stream._events) <= 50
    assert len(stream._known) <= 401
    assert len(stream.analysis(1000).templates) <= 200
    assert stream.lines == 6000


def test_absurd_lines_are_taken() -> None:
    stream = StreamAnalyser()
    stream.feed(["", "   ", "\x00\xff", "x" * 100_000, "{" * 50, "[" * 50, "é ü 漢字 99"])
    assert stream.lines == 5


def test_the_command_prints_and_answers_programs(tmp_path: Path) -> None:
    for name, content in {"db.log": DB, "web.log": WEB}.items():
        (tmp_path / name).write_text("\n".join(content))
    command = [
        sys.executable,
        "-m",
        "suture.cli",
        "logs",
        str(tmp_path / "web.log"),
        str(tmp_path / "db.log"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "first cause" in done.stdout
    assert "names db" in done.stdout
    answer = json.loads(
        subprocess.run([*command, "--json"], capture_output=True, text=True, check=True).stdout
    )
    assert answer["lines"] == 6
    assert answer["chain"][answer["first"]]["service"] == "db"
    failed = subprocess.run(
        [*command, str(tmp_path / "none.log")], capture_output=True, text=True, check=False
    )
    assert failed.returncode == 1
    assert "cannot read" in failed.stderr
    piped = subprocess.run(
        [*command[:-2], "-"], input="\n".join(DB), capture_output=True, text=True, check=True
    )
    assert "2 lines" in piped.stdout
