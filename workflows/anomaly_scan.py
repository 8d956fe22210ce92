"""The workflow `AnomalyScan`: one look at the configured metrics; a Temporal Schedule starts it again and again.

What fired is the run's result, and the next run's memory: so what is over is told once, also by another worker.
"""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():
    from activities.scan import Scan, ScanRequest
    from suture.domain.scan import ScanResult

SCAN_TIMEOUT = timedelta(minutes=10)
HEARTBEAT = timedelta(seconds=60)
TRIES = 3  # then the next run comes anyway


@workflow.defn(name="AnomalyScan")
class AnomalyScan:
    """One activity; it holds the models, so this process needs none of them."""

    @workflow.run
    async def run(self) -> ScanResult:
        """Returns what fires now."""
        before = ScanResult()
        if workflow.has_last_completion_result():
            before = workflow.get_last_completion_result(ScanResult) or before
        found = await workflow.execute_activity_method(
            Scan.scan,
            ScanRequest(firing=before.firing),
            start_to_close_timeout=SCAN_TIMEOUT,
            heartbeat_timeout=HEARTBEAT,
            retry_policy=RetryPolicy(maximum_attempts=TRIES),
            summary="asks Prometheus, judges the answers, reports what is strange",
        )
        firing = ", ".join(f.report.summary for f in found.firing) or "nothing fires"
        failed = "".join(f"\n- **{name}** could not be asked: {why}" for name, why in found.failed.items())
        workflow.set_current_details(f"{found.rules} rules: {firing}{failed}"[:4000])
        return found
