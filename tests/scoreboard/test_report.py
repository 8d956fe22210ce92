"""The report says what the figures say, and whose figures they are."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

from lab.scoreboard.plot import svg
from lab.scoreboard.published import MITIGATED, NOTE
from lab.scoreboard.report import brief, markdown, write
from tests.scoreboard.canned import conditions, results


def test_the_page() -> None:
    page = markdown(results(), conditions(), "board.svg")
    for line in (
        "| faults healed, nothing else changed | 3 of 5 (60 %) |",
        "| at the first or second attempt | 40 % |",
        "| controls left alone | 1 of 2 |",
        "| false actions on controls | 1 |",
        "| time to heal (from the alert) | median 8 s, p95 30 s |",
        "| probe | 1/2 | 3 | 30 | 30 | 0 |",
        "![Healed per family, and time to heal](board.svg)",
        "- e: Role/r:rules: a \\| b",
    ):
        assert line in page
    assert "SIGKILL" not in page and "ended by itself" not in page


def test_figures_by_others_are_marked_as_theirs() -> None:
    page = markdown(results(), conditions(), "board.svg")
    assert page.index("## What others have published") < page.index(NOTE) < page.index(MITIGATED[0].source)
    assert "on their own set-ups" in svg(results())


def test_crashes_are_told() -> None:
    terms = conditions(crash=True, seed=7, kills=9, ends=1)
    page = markdown(results(), terms, "board.svg")
    assert "killed with SIGKILL 9 times during repairs (seed 7)" in page
    assert "| engine ended by itself | 1 times |" in page
    assert "engine killed" in brief(results(), terms)


def test_files(tmp_path: Path) -> None:
    page, data = tmp_path / "deep" / "board.md", tmp_path / "data" / "board.json"
    write(results(), conditions(), data, page)
    document = json.loads(data.read_text())
    assert document["totals"]["healed"] == 3
    assert document["scenarios"][1]["attempts"] == 2
    assert document["scenarios"][0]["fault_at"] == "2026-05-04T03:00:00+00:00"
    assert document["published"]["note"] == NOTE
    assert "board.svg" in page.read_text()
    assert page.with_suffix(".svg").exists()


def test_the_plot_is_a_drawing_whatever_the_figures(tmp_path: Path) -> None:
    for some in (results(), results()[3:4], results()[5:]):
        root = ElementTree.fromstring(svg(some))
        assert root.tag.endswith("svg")
        rectangles = root.findall("{http://www.w3.org/2000/svg}rect")
        assert all(float(r.get("width", "0")) >= 0 for r in rectangles)
    write(results(), conditions(), tmp_path / "only.json", None)
    assert {f.name for f in tmp_path.iterdir()} == {"only.json", "only.svg"}
