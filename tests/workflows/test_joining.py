"""One cause, many incidents: those that suffer wait for the incident of the cause and change nothing themselves."""

from __future__ import annotations

import asyncio

import pytest
from temporalio.client import Client

from activities import classify as module
from suture.domain.stages import Outcome
from suture.domain.target import Target
from tests.fakes import FakeIncidents
from tests.workflows.harness import world

CAUSE = Target(kind="Node", name="n1")


@pytest.fixture
def shared_cause(monkeypatch: pytest.MonkeyPatch) -> None:
    """Diagnosis finds that the node troubles everybody on it."""

    monkeypatch.setattr(module, "shared_cause", lambda *_: CAUSE.ref)


async def test_waits_for_the_incident_of_the_cause(temporal: Client, shared_cause: None) -> None:
    async with world(temporal, "joined") as w:
        incidents = w.ports.incidents
        assert isinstance(incidents, FakeIncidents)
        incidents.open = True
        handle = await w.report(w.cluster.deploy("web", image="bad"))
        await w.until(handle, "joined")
        await asyncio.sleep(2.5)
        w.cluster.image["web"] = "v1"  # healed by the other
        result = await asyncio.wait_for(handle.result(), 30)
    assert result.outcome is Outcome.SELF_RESOLVED
    assert w.cluster.applied == []
    [(target, batch)] = incidents.reported
    assert target == CAUSE
    assert batch.reports[0].labels["affected"] == "Deployment/shop/web"


async def test_acts_alone_when_the_other_did_not_help(temporal: Client, shared_cause: None) -> None:
    async with world(temporal, "joined-in-vain") as w:
        result = await (await w.report(w.cluster.deploy("web", image="bad"))).result()
    assert result.outcome is Outcome.HEALED
    assert len(w.cluster.applied) == 1
