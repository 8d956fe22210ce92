"""The report of an incident: complete, without secrets, without markup of others."""

from __future__ import annotations

import re
import subprocess
import sys
from datetime import timedelta
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest

from suture.domain.action import Patch
from suture.domain.decision import Decision, Vote
from suture.domain.incident import IncidentRecord
from suture.domain.post_incident import PostIncidentRecord, PostIncidentRules, PostIncidentStart, Told
from suture.domain.report import Report
from suture.domain.stages import Outcome, Stage
from suture.ports import JournalEntry
from suture.report import Facts, proposals, timeline_svg, to_html, to_markdown
from tests.memory.samples import START, WEB, after, attempt, ended, healed, receipt

SECRETS = ("hunter2", "AKIAABCDEFGHIJKLMNOP", "ghp_0123456789abcdefghijABCDEFGHIJ", "s3cr3t-in-a-field")
SECTIONS = (
    "Summary",
    "Impact",
    "Timeline",
    "Evidence",
    "Hypotheses, and why they were ranked so",
    "Plans and changes",
    "Approvals and notifications",
    "What was learned",
    "Proposed action items",
)


def story() -> IncidentRecord:
    """One plan that did not help and was undone, one that was approved and did."""
    record = healed()
    wrong = attempt("wrong")
    wrong.verified, wrong.result = False, "not healed: 0 of 3 ready"
    wrong.undone = [receipt("wrong/0/undo0", replicas=0, done=True)]
    record.attempts.insert(0, wrong)
    record.timings.stage_seconds = {s: 1.5 * n for n, s in enumerate(Stage)}
    record.note(
        after(8),
        "takes (90%): scaled to zero",
        Stage.CLASSIFY,
        origin="ledger",
        why=["it was 3 before"],
        plan="scale to 3",
    )
    record.say(Vote(number=1, choice="approve", by="ada", at=after(15), reason="looks right"))
    return record


def test_has_every_section_and_all_seven_stages() -> None:
    text = to_markdown(Facts(record=story()))
    found = re.findall(r"^## (.*)$", text, re.MULTILINE)
    assert found == list(SECTIONS)
    for number, stage in enumerate(Stage):
        assert f"| {stage} | {1.5 * number:.1f} s |" in text
    assert "takes (90%): scaled to zero (by ledger)" in text
    assert "it was 3 before" in text
    assert "ada | approve | looks right" in text


def test_tells_every_change_and_its_undo_field_by_field() -> None:
    text = to_markdown(Facts(record=story()))
    assert text.count("```diff\n- spec.replicas: 0\n+ spec.replicas: 3\n```") == 2
    assert "- Ruled out: scaled to zero (not healed: 0 of 3 ready)" in text
    undone = text[text.index("**Undone**") :]
    assert "```diff\n- spec.replicas: 0\n+ spec.replicas: 0\n```" in undone


def test_the_journal_tells_what_no_attempt_names() -> None:
    lost = JournalEntry(receipt=receipt("lost/0"), done=False)
    failed = JournalEntry(receipt=receipt("failed/0"), done=False, error="Forbidden: no")
    known = JournalEntry(receipt=receipt("i1/0", done=True), done=True)
    text = to_markdown(Facts(record=healed(), journal=[lost, failed, known]))
    assert text.count("In the journal only") == 2
    assert "begun, and never confirmed" in text
    assert "failed: Forbidden: no" in text


def planted() -> Facts:
    record = story()
    record.summary = f"login with password={SECRETS[0]} failed"
    record.reports = [
        Report(
            source="x", target=record.target, reason="R", summary=f"key {SECRETS[1]}", received_at=after(1)
        )
    ]
    record.attempts[1].decision = Decision(by="ada", reason=f"token: {SECRETS[2]}")
    record.note(after(30), f"postgres://shop:{SECRETS[0]}@db/shop", Stage.VERIFY)
    record.say(Vote(number=2, choice="reject", by="ada", at=after(31), reason=f"see {SECRETS[2]}"))
    changes = {
        "spec.template.spec.containers.web.env.DB_PASSWORD.value": (SECRETS[3], SECRETS[0]),
        "spec.template.spec.containers.web.args": (["--token", f"--api-key={SECRETS[3]}"], None),
        "spec.template.spec.containers.web.env": ([{"name": "API_KEY", "value": SECRETS[3]}], None),
        "spec.paused": (False, True),
    }
    patch = Patch(object=WEB, body={}, note=f"put back --password={SECRETS[0]}")
    first = record.attempts[0].receipts[0].model_copy(update={"changes": changes, "action": patch})
    record.attempts[0].receipts = [first]
    told = [Told(at=START, level="L1", step="s", text=f"password={SECRETS[0]}", who=["ada"])]
    return Facts(record=record, told=told)


@pytest.mark.parametrize("render", [to_markdown, to_html, timeline_svg])
def test_no_planted_secret_comes_through(render: object) -> None:
    assert callable(render)
    text = render(planted())
    assert [s for s in SECRETS if s in text] == []


def test_what_is_no_secret_is_still_told() -> None:
    text = to_markdown(planted())
    assert "- spec.paused: false\n+ spec.paused: true" in text
    assert "- spec.template.spec.containers.web.env.DB_PASSWORD.value: [redacted]" in text


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))


HOSTILE = (
    "<script>alert(1)</script> ![x](http://evil/x.png) [y](javascript:alert(1)) | `a` ``` *b* <img src=x>"
)


def test_words_of_others_are_no_markup() -> None:
    record = story()
    record.summary = HOSTILE
    record.reports = [
        Report(source="x", target=record.target, reason=HOSTILE, summary=f"a\n\n# big\n\n{HOSTILE}")
    ]
    record.note(after(30), HOSTILE, Stage.VERIFY)
    record.attempts[0].result = HOSTILE
    record.attempts[0].receipts[0].changes["data.page"] = ("```\n<script>alert(2)</script>\n```", HOSTILE)
    text = to_markdown(Facts(record=record))
    assert len(re.findall(r"^# ", text, re.MULTILINE)) == 1
    tags = Tags()
    tags.feed(to_html(Facts(record=record)))
    names = [t for t, _ in tags.seen]
    assert "script" not in names
    assert "a" not in names
    [picture] = [a for t, a in tags.seen if t == "img"]
    assert (picture["src"] or "").startswith("data:image/svg+xml;base64,")
    rows = [n for n in names if n == "tr"]
    assert len(rows) > 10


def test_the_plot_is_a_picture_of_all_stages_and_always_the_same() -> None:
    record = story()
    record.reports = [r.model_copy(update={"received_at": after(1)}) for r in record.reports]
    svg = timeline_svg(Facts(record=record))
    assert svg == timeline_svg(Facts(record=record))
    root = ElementTree.fromstring(svg)
    assert root.tag.endswith("svg")
    drawn = " ".join(re.findall(r"<!-- (.*?) -->", svg))
    for word in (*Stage, "report", "change", "undo"):
        assert word in drawn


def test_an_incident_without_anything_has_a_report_too() -> None:
    record = ended("empty", Outcome.ESCALATED)
    record.reports = []
    text, page = to_markdown(Facts(record=record)), to_html(Facts(record=record))
    assert "Nothing was tried" in text
    assert "<h1>" in page


def test_proposals_rest_on_what_happened() -> None:
    record = story()
    record.report_count, record.timings.stage_seconds[Stage.APPROVE] = 50, 2000.0
    record.timings.detected_at = START + timedelta(seconds=900)
    found = {text: because for text, because in proposals(record)}
    words = " ".join(found)
    for part in (
        "did not help",
        "lasting where Deployment/shop/web",
        "sooner",
        "wait for a person",
        "Group or inhibit",
    ):
        assert part in words
    assert all(found.values())
    assert proposals(ended("quiet", Outcome.SELF_RESOLVED)) == []
    [(playbook, because)] = proposals(ended("open", Outcome.ESCALATED))
    assert "Write a playbook" in playbook
    assert "no plan that fits" in because


def test_the_follow_up_is_part_of_it() -> None:
    record = healed()
    start = PostIncidentStart(
        incident_id="i1",
        incident_workflow_id=record.workflow_id,
        target=record.target,
        severity=record.severity,
        outcome=Outcome.HEALED,
        summary="",
        why="its severity was high",
        ended_at=after(50),
        rules=PostIncidentRules(),
    )
    follow_up = PostIncidentRecord.opened(start, "post-incident/i1", after(51))
    follow_up.propose([("do it", "because")])
    text = to_markdown(Facts(record=record, follow_up=follow_up))
    assert "- report: due 2026-03-02 03:00:50" in text
    assert "1. do it (proposed)" in text


def test_the_plotting_library_loads_only_when_something_is_drawn() -> None:
    code = "import sys, suture.report, worker.plugin; sys.exit('matplotlib' in sys.modules or 'markdown_it' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
