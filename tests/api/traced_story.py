"""One traced incident; a process of its own, run by test_telemetry: tracing is set up once a process."""

from __future__ import annotations

import asyncio
import sys
from datetime import timedelta

from temporalio import activity, workflow
from temporalio.worker import Worker

with workflow.unsafe.imports_passed_through():
    import httpx2
    from opentelemetry import trace

    from suture.api.app import create_app
    from suture.api.server import Gateway
    from suture.domain.incident import IncidentStart, Options
    from suture.domain.report import ReportBatch
    from suture.ingest.temporal import TemporalIncidents
    from suture.telemetry import setup_tracing, temporal_plugins
    from suture.telemetry.metrics import Metrics
    from tests.api.conftest import settings_of
    from tests.ingest.recording import by_labels
    from worker.connect import connect

PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
QUEUE = "test-traces"


@activity.defn
async def work(said: str) -> None:
    """Stands in for a call of Kubernetes, which makes its own span."""
    with trace.get_tracer("test").start_as_current_span("kubernetes GET"):
        assert said


@workflow.defn(name="Incident")
class Traced:
    """Does one activity with what its report says."""

    def __init__(self) -> None:
        self.said = ""

    @workflow.run
    async def run(self, start: IncidentStart) -> None:
        await workflow.wait_condition(lambda: bool(self.said))
        await workflow.execute_activity(work, self.said, start_to_close_timeout=timedelta(seconds=5))

    @workflow.signal
    def report(self, batch: ReportBatch) -> None:
        self.said = batch.reports[0].summary


async def main(address: str) -> None:
    settings = settings_of(listen="127.0.0.1:0")
    provider = setup_tracing(settings)
    assert provider is not None
    assert setup_tracing(settings) is provider
    client = await connect(plugins=temporal_plugins(), address=address)
    incidents = TemporalIncidents(client, QUEUE, Options())
    gateway = Gateway(create_app(settings, incidents, by_labels, metrics=Metrics()), settings)
    stop = asyncio.Event()
    serving = asyncio.create_task(gateway.serve(stop))
    await gateway.started.wait()
    async with Worker(client, task_queue=QUEUE, workflows=[Traced], activities=[work]):
        async with httpx2.AsyncClient(trust_env=False) as sender:
            posted = {
                "target": {"kind": "Deployment", "name": "traced"},
                "summary": "go",
            }
            answer = await sender.post(
                f"{gateway.url}/v1/incidents", json=posted, headers={"traceparent": PARENT}
            )
        (incident,) = answer.json()["incidents"]
        await client.get_workflow_handle(incident["workflow_id"]).result()
    stop.set()
    await serving
    provider.force_flush()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
