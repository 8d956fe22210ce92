"""One-time links: they show first, answer once, for one person and one question, and say plainly when they are over."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from suture.access import hashed
from suture.domain.notice import Notice
from suture.links import Link, Links, NoticeLinks
from tests.web.conftest import Site

pytestmark = pytest.mark.temporal


async def test_a_preview_answers_nothing_and_the_button_once(site: Site) -> None:
    handle = await site.waiting("cart")
    record = await site.record(handle)
    links = site.links(record, "ann")
    assert links["look"] == f"{site.url}/incidents/{record.incident_id}"
    async with site.program() as somebody:
        for _ in range(3):  # what chat programs do with an address
            page = await somebody.get(links["approve"])
            assert page.status_code == 200
            assert "undo the rollout of" in page.text
            assert "Approve as ann" in page.text
            assert (await somebody.head(links["approve"])).status_code in (200, 405)
        assert (await site.record(handle)).approval is not None
        assert site.cluster.applied == []
        answer = await somebody.post(links["approve"], data={"reason": "from the train"})
        assert (answer.status_code, "approve taken" in answer.text) == (200, True)
        assert await site.until_done(handle) == "healed"
        again = await somebody.post(links["approve"], data={})
        assert (again.status_code, "it was used already" in again.text) == (410, True)
        other = await somebody.get(links["reject"])
        assert (other.status_code, "is over" in other.text) == (410, True)
    assert await site.noted(record.incident_id) == [("ann", "approve", "asked"), ("ann", "approve", "taken")]
    row = (await site.audit.entries(subject=record.incident_id))[0]
    assert (row.via, row.reason) == ("link", "from the train")


async def test_reject_by_link(site: Site) -> None:
    handle = await site.waiting("cart")
    async with site.program() as somebody:
        answer = await somebody.post(site.links(await site.record(handle), "ann")["reject"], data={})
    assert "reject taken" in answer.text
    assert [v.choice for v in (await site.record(handle)).votes] == ["reject"]


async def test_a_link_about_an_earlier_plan_is_over(site: Site) -> None:
    handle = await site.scaled_to_zero("cart")
    old = site.links(await site.record(handle), "ann")["approve"]
    record = await site.record(handle)
    assert record.approval is not None
    stale = Link(i=record.incident_id, n=7, p=record.approval.plan_hash, c="approve", w="ann", u=2**32)
    other = Link(i=record.incident_id, n=1, p="0" * 16, c="approve", w="ann", u=2**32)
    async with site.program() as somebody:
        assert (await somebody.get(old)).status_code == 200
        for link in (stale, other):
            answer = await somebody.post(f"{site.url}/link/{site.links.sign(link)}", data={})
            assert answer.status_code == 410
            assert "the plan has changed since" in answer.text
    assert (await site.record(handle)).votes == []


async def test_an_expired_link_is_over(site: Site) -> None:
    handle = await site.waiting("cart")
    record = await site.record(handle)
    assert record.approval is not None
    past = datetime.now(UTC) - timedelta(seconds=1)
    link = site.links.of(record.incident_id, 1, record.approval.plan_hash, "ann", past)["approve"]
    async with site.program() as somebody:
        answer = await somebody.post(link, data={})
    assert (answer.status_code, "its time is over" in answer.text) == (410, True)
    assert (await site.record(handle)).votes == []


async def test_a_forged_link_is_none(site: Site) -> None:
    handle = await site.waiting("cart")
    record = await site.record(handle)
    good = site.links(record, "ann")["approve"]
    forged = Links(bytes(64), site.url)(record, "ann")["approve"]
    text, _, signature = good.rpartition(".")
    async with site.program() as somebody:
        for link in (forged, good[:-3], text + "." + signature[::-1], f"{site.url}/link/x"):
            answer = await somebody.post(link, data={})
            assert (answer.status_code, "not made by this installation" in answer.text) == (422, True)
    assert (await site.record(handle)).votes == []


async def test_a_person_who_may_not_decide_any_more_cannot_by_link_either(site: Site) -> None:
    handle = await site.waiting("cart")
    link = site.links(await site.record(handle), "ann")["approve"]
    file = site.settings.access_file
    assert file is not None
    file.write_text(f"people:\n  - name: ann\n    roles: [viewer]\n    token: {hashed('other')}\n")
    async with site.program() as somebody:
        answer = await somebody.post(link, data={})
        assert (answer.status_code, "ann is viewer now" in answer.text) == (410, True)
        file.write_text("people: []\n")
        answer = await somebody.post(link, data={})
        assert (answer.status_code, "not in the access file any more" in answer.text) == (410, True)
    assert (await site.record(handle)).votes == []


async def test_another_sites_page_cannot_press_the_button(site: Site) -> None:
    handle = await site.waiting("cart")
    link = site.links(await site.record(handle), "ann")["approve"]
    async with site.program() as somebody:
        answer = await somebody.post(link, data={}, headers={"origin": "https://evil.example"})
    assert answer.status_code == 403
    assert (await site.record(handle)).votes == []


async def test_a_message_to_a_person_has_answers_and_one_to_a_channel_has_not(site: Site) -> None:
    record = await site.record(await site.waiting("cart"))
    assert record.approval is not None
    notice = Notice(
        incident_id=record.incident_id,
        workflow_id=record.workflow_id,
        target=record.target,
        severity=record.severity,
        title="L1",
        state="a plan waits for approval",
        summary="",
        plan_hash=record.approval.plan_hash,
        asked=record.approval.asked,
    )
    made = NoticeLinks(site.links, site.people)
    assert set(made(notice, "ann#2")) == {"look", "approve", "reject"}
    assert set(made(notice, "rob")) == {"look"}
    assert set(made(notice, "on-call")) == {"look"}
    async with site.program() as somebody:
        assert "Approve as ann" in (await somebody.get(made(notice, "ann")["approve"])).text
