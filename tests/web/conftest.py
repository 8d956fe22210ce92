"""The pages as people use them: a real Temporal server, a worker on a small world, a real database, a listening gateway."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest
from temporalio.client import Client, WorkflowHandle

from policies.limits import Limits
from suture.access import People, hashed
from suture.api.app import create_app
from suture.api.server import Gateway
from suture.api.site import Parts
from suture.desk import Desk
from suture.domain.action import Action, Receipt, Scale
from suture.ingest.conversation import Conversation
from suture.links import Links
from suture.memory.audit import SqlAudit
from suture.memory.governor import SqlGovernor
from suture.memory.store import SqlMemory
from suture.settings import Settings
from suture.telemetry.metrics import Metrics
from tests.fakes import FakeCluster
from tests.ingest.recording import RecordingIncidents, by_labels
from tests.workflows.harness import QUICK, World
from worker.bootstrap import Role, worker

PEOPLE = {"vera": "viewer", "rob": "responder", "ann": "approver", "bob": "approver", "ada": "admin"}


def token_of(name: str) -> str:
    return f"token-of-{name}"


def access_file(folder: Path, oidc: dict[str, str] | None = None) -> Path:
    """An access file with one person of each role, and a second approver."""
    lines = ["people:"]
    for name, role in PEOPLE.items():
        lines += [f"  - name: {name}", f"    roles: [{role}]", f"    token: {hashed(token_of(name))}"]
        lines += [f"    oidc: {oidc[name]}"] if oidc and name in oidc else []
    path = folder / "access.yaml"
    path.write_text("\n".join(lines) + "\n")
    return path


class ShowingCluster(FakeCluster):
    """A small world whose dry run says field by field what would change."""

    async def prepare(self, action: Action, key: str, dry_run: bool = False) -> Receipt:
        receipt = await super().prepare(action, key, dry_run)
        name = action.object.name
        image = (self.image[name], self.previous[name])
        changed = {"spec.template.spec.containers.web.image": image}
        if isinstance(action, Scale):
            changed = {"spec.replicas": (self.replicas[name], action.replicas)}  # type: ignore[dict-item]
        return receipt.model_copy(update={"changes": changed})


class Site(World):
    """A world whose gateway listens."""

    def __init__(self, client: Client, settings: Settings, memory: SqlMemory) -> None:
        queue = f"web-{uuid.uuid4().hex[:8]}"
        super().__init__(client, queue, QUICK.model_copy(update={"approval_timeout": 600}))
        self.settings, self.database = settings, memory
        self.cluster = ShowingCluster()
        self.ports = replace(self.ports, cluster=self.cluster, memory=memory)
        self.audit = SqlAudit(memory.database, settings.sealing_key())
        self.desk = Desk(Conversation(client, indexed=True), memory)
        self.governor = SqlGovernor(memory.database, Limits.load())
        self.people = People(settings.access_file)
        app = create_app(
            settings,
            RecordingIncidents(),
            by_labels,
            metrics=Metrics(),
            parts=Parts(self.desk, self.audit, self.cluster, self.governor, self.ports.incidents),
            link=lambda workflow_id: f"http://temporal.example/workflows/{workflow_id}",
        )
        self.gateway = Gateway(app, settings)

    @property
    def url(self) -> str:
        return self.gateway.url

    @property
    def links(self) -> Links:
        return Links(self.settings.web_key(), self.url)

    async def waiting(self, name: str = "", **more: Any) -> WorkflowHandle[Any, Any]:
        """An incident whose plan (undo a rollout) waits for a person."""
        target = self.cluster.deploy(name or f"web{uuid.uuid4().hex[:6]}", image="bad")
        handle = await self.report(target, **more)
        await self.until(handle, "waiting_for_approval")
        return handle

    async def scaled_to_zero(self, name: str) -> WorkflowHandle[Any, Any]:
        """An incident whose plan (scale from 0 to 1) waits, and can be edited."""
        target = self.cluster.deploy(name)
        self.cluster.replicas[name] = 0
        handle = await self.report(target, summary="the shop is down")
        await self.until(handle, "waiting_for_approval")
        return handle

    async def until_done(self, handle: WorkflowHandle[Any, Any]) -> str:
        return (await self.finished(handle)).outcome

    def program(self, name: str = "", **more: Any) -> httpx2.AsyncClient:
        """A program that asks with a person's token."""
        headers = {"authorization": f"Bearer {token_of(name)}"} if name else {}
        return httpx2.AsyncClient(base_url=self.url, headers=headers, trust_env=False, timeout=30, **more)

    async def noted(self, subject: str = "") -> list[tuple[str, str, str]]:
        """Who did what with which result, oldest first."""
        rows = await self.audit.entries(subject=subject)
        return [(r.by, r.action, str(r.result)) for r in reversed(rows)]


@asynccontextmanager
async def serving(client: Client, folder: Path, **more: Any) -> AsyncIterator[Site]:
    """A site until the end of the block."""
    if "access_file" not in more:
        more["access_file"] = access_file(folder)
    settings = Settings(_env_file=None, state_dir=folder, listen="127.0.0.1:0", **more)
    async with await SqlMemory.connect(f"sqlite:///{folder}/memory.db") as memory:
        site = Site(client, settings, memory)
        stop = asyncio.Event()
        serve = asyncio.create_task(site.gateway.serve(stop))
        try:
            await asyncio.wait_for(site.gateway.started.wait(), 30)
            async with worker(
                client, Settings(_env_file=None), Role.ALL, site.options, site.ports, site.queue
            ):
                yield site
        finally:
            stop.set()
            await serve


@pytest.fixture
async def site(temporal: Client, tmp_path: Path) -> AsyncIterator[Site]:
    async with serving(temporal, tmp_path) as found:
        yield found
