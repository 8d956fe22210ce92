"""One Temporal plugin that bundles what every worker and replayer of the engine needs: converter, sandbox, error mapping."""

from __future__ import annotations

import dataclasses
from typing import Any

from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.exceptions import ApplicationError
from temporalio.plugin import SimplePlugin
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor, WorkflowRunner
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from suture.domain.errors import SutureError
from workflows.anomaly_scan import AnomalyScan
from workflows.cluster_watch import ClusterWatch
from workflows.incident import Incident
from workflows.maintenance import MaintenanceMode
from workflows.outage import MassOutage
from workflows.post_incident import PostIncident
from workflows.retention import Retention

WORKFLOWS = [MaintenanceMode, MassOutage, Incident, ClusterWatch, PostIncident, Retention, AnomalyScan]
PASSED_THROUGH = (
    "suture",
    "activities",
    "policies",
    "pydantic",
    "opentelemetry",
    "structlog",
    "prometheus_client",
    "cel",
    "yaml",
    "rich",
)


class SuturePlugin(SimplePlugin):
    """Used by workers and replayers; clients only need the converter."""

    def __init__(self, workflows: bool = True) -> None:
        super().__init__(
            "suture",
            data_converter=pydantic_data_converter,
            workflow_runner=lambda _: sandbox(),
            workflows=WORKFLOWS if workflows else None,
            interceptors=[ErrorInterceptor()],
        )


def sandbox() -> WorkflowRunner:
    """Temporal's sandbox, with the modules that are known to be deterministic (or never called) passed through."""
    restrictions = SandboxRestrictions.default
    return SandboxedWorkflowRunner(
        restrictions=dataclasses.replace(
            restrictions, passthrough_modules=restrictions.passthrough_modules | set(PASSED_THROUGH)
        )
    )


class ErrorInterceptor(Interceptor):
    """Domain errors become Temporal's: permanent ones are not retried."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        return _MapErrors(next)


class _MapErrors(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        try:
            return await super().execute_activity(input)
        except SutureError as e:
            raise ApplicationError(
                str(e), *e.details, type=type(e).__name__, non_retryable=e.permanent
            ) from e
