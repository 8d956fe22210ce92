"""The JSON API over real incidents: the same roles as the pages, refusals with their reason, everything on record."""

from __future__ import annotations

import pytest

from tests.web.conftest import Site

pytestmark = pytest.mark.temporal


async def test_an_incident_is_listed_read_and_approved(site: Site) -> None:
    handle = await site.waiting("cart")
    record = await site.record(handle)
    async with site.program("ann") as ann:
        listing = (await ann.get("/v1/incidents", params={"state": "waiting"})).json()
        mine = [line for line in listing["lines"] if line["incident_id"] == record.incident_id]
        assert [line["target"] for line in mine] == ["shop/deployment/cart"]
        assert listing["waiting"] >= 1
        seen = (await ann.get(f"/v1/incidents/{record.incident_id}")).json()
        asked = seen["record"]["approval"]
        body = {"choice": "approve", "plan_hash": asked["plan_hash"], "asked": asked["asked"], "reason": "ok"}
        answer = await ann.post(f"/v1/incidents/{record.incident_id}/decide", json=body)
        assert (answer.status_code, answer.json()) == (200, {"answer": "approve taken"})
        assert await site.until_done(handle) == "healed"
        again = await ann.post(f"/v1/incidents/{record.incident_id}/decide", json=body)
        assert again.status_code in (404, 409)
        ended = (await ann.get("/v1/incidents", params={"outcome": "healed"})).json()["lines"]
        assert record.incident_id in [line["incident_id"] for line in ended]
        later = (await ann.get(f"/v1/incidents/{record.incident_id[:-2]}")).json()
        assert (later["live"], later["record"]["outcome"]) == (False, "healed")
    assert await site.noted(record.incident_id) == [
        ("ann", "approve", "asked"),
        ("ann", "approve", "taken"),
        ("ann", "approve", "asked"),
        ("ann", "approve", "refused"),
    ]


@pytest.mark.parametrize(
    ("name", "choice", "status"),
    [
        ("vera", "approve", 409),
        ("vera", "comment", 409),
        ("rob", "approve", 409),
        ("rob", "reject", 409),
        ("rob", "comment", 200),
        ("ann", "delegate", 200),
    ],
)
async def test_roles_decide_who_may_say_what(site: Site, name: str, choice: str, status: int) -> None:
    handle = await site.waiting()
    incident = (await site.record(handle)).incident_id
    async with site.program(name) as client:
        body = {"choice": choice, "reason": "a word", "to": "rob" if choice == "delegate" else ""}
        answer = await client.post(f"/v1/incidents/{incident}/decide", json=body)
    assert answer.status_code == status, answer.text
    if status == 409:
        assert "takes the role" in answer.json()["error"]
    assert (await site.noted(incident))[-1] == (name, choice, "taken" if status == 200 else "refused")
    assert site.cluster.applied == []


async def test_a_delegate_of_a_lower_role_may_decide(site: Site) -> None:
    handle = await site.waiting()
    path = f"/v1/incidents/{(await site.record(handle)).incident_id}/decide"
    async with site.program("ann") as ann, site.program("rob") as rob:
        assert (await rob.post(path, json={"choice": "approve"})).status_code == 409
        assert (await ann.post(path, json={"choice": "delegate", "to": "rob"})).status_code == 200
        assert (await rob.post(path, json={"choice": "approve"})).status_code == 200
    assert await site.until_done(handle) == "healed"


async def test_nobody_gets_in_without_saying_who_they_are(site: Site) -> None:
    async with site.program() as nobody:
        assert (await nobody.get("/v1/incidents")).status_code == 401
        assert (await nobody.post("/v1/incidents/x/decide", json={"choice": "approve"})).status_code == 401
        page = await nobody.get("/incidents")
        assert (page.status_code, page.headers["location"]) == (303, "/login?next=/incidents")
        assert (await nobody.post("/incidents/x/decide", data={"choice": "approve"})).status_code == 401


async def test_an_unknown_incident_is_told_so(site: Site) -> None:
    async with site.program("vera") as vera:
        answer = await vera.get("/v1/incidents/nothing-00000000")
        assert answer.status_code == 404
        page = await vera.get("/incidents/nothing-00000000")
        assert page.status_code == 404
        assert "text/html" in page.headers["content-type"]


async def test_a_report_takes_a_responder(site: Site) -> None:
    body = {"target": {"kind": "Deployment", "namespace": "shop", "name": "web"}}
    for name, status in (("vera", 403), ("rob", 202)):
        async with site.program(name) as client:
            assert (await client.post("/v1/incidents", json=body)).status_code == status
