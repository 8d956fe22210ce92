"""`suture classify`: one answer a line, in order, while lines come in."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from models.taxonomy import LABELS
from tests.cli.conftest import SOURCE

LINES: list[dict[str, Any]] = [
    {"id": "a", "text": "curl: (6) Could not resolve host: db.internal"},
    {"id": 7, "text": "", "metadata": {"exit_code": 1}},
    {"text": "pods is forbidden: User cannot list resource", "context": "kind: Role"},
    {"id": None, "text": "\ud83d\ude00 no space left on device é"},
]


def run(*arguments: str, given: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "suture.cli", "classify", *arguments],
        input=given,
        capture_output=True,
        text=True,
        check=False,
        cwd=SOURCE,
    )


def asked(lines: list[dict[str, Any]]) -> str:
    return "\n".join(map(json.dumps, lines)) + "\n"


def test_each_line_gets_an_answer_in_order() -> None:
    done = run("--json", given=asked(LINES))
    assert done.returncode == 0, done.stderr
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [a["id"] for a in answers] == ["a", 7, 3, None]
    assert all(set(a) == {"id", "label", "probabilities"} for a in answers)
    assert all(tuple(a["probabilities"]) == LABELS and a["label"] in LABELS for a in answers)
    assert [a["label"] for a in answers if a["id"] != 7] == [
        "network_connectivity",
        "access_control_failures",
        "storage_issues",
    ]
    assert all(abs(sum(a["probabilities"].values()) - 1) < 1e-4 for a in answers)


def test_it_explains_on_demand() -> None:
    answers = [
        json.loads(line) for line in run("--json", "--explain", given=asked(LINES)).stdout.splitlines()
    ]
    assert [a["abstained"] for a in answers][1]
    assert all(len(a["top3"]) == 3 and a["top3"][0] == a["label"] for a in answers)
    assert any("resolve" in word for word, _ in answers[0]["words"])


def test_people_can_read_it() -> None:
    done = run(given=asked(LINES))
    assert done.returncode == 0, done.stderr
    assert "a  network_connectivity" in done.stdout
    assert "because of" in done.stdout
    assert "unsure" in done.stdout


def test_bad_lines_say_which_and_what_to_write() -> None:
    for bad in ("no json", "[]", '{"id": 1}', '{"text": 5}'):
        done = run("--json", given=asked(LINES[:1]) + bad + "\n")
        assert done.returncode == 2
        assert "line 2" in done.stderr
        assert '{"id": 1, "text": "..."}' in done.stderr
        assert len(done.stdout.splitlines()) == 1


def test_it_answers_before_the_input_ends() -> None:
    program = [sys.executable, "-m", "suture.cli", "classify", "--json"]
    with subprocess.Popen(
        program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=SOURCE
    ) as process:
        assert process.stdin and process.stdout
        for number in range(3):
            process.stdin.write(json.dumps({"id": number, "text": "segmentation fault"}) + "\n")
            process.stdin.flush()
            assert json.loads(process.stdout.readline())["id"] == number
        process.stdin.close()
        assert process.wait() == 0


def test_it_starts_without_the_heavy_libraries(tmp_path: Path) -> None:
    program = (
        "import sys, suture.cli.main as m\nsys.argv = ['suture', 'classify', '--json']\n"
        "try: m.main()\n"
        "finally: assert not {'torch', 'sklearn', 'scipy', 'temporalio', 'sqlalchemy'} & set(sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        input=asked(LINES),
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == len(LINES)
