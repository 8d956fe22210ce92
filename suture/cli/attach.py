"""How a command finds the running installation: options, then variables, then the note of `suture up`."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from suture.cli import config
from suture.cli.problems import Failure

if TYPE_CHECKING:
    from temporalio.client import Client

    from lab.stack import Runtime
    from suture.settings import Settings

T = TypeVar("T")
START_HINT = "start it with `suture up`, or name your server with TEMPORAL_ADDRESS"
CONNECT_SECONDS = 5.0


@dataclass(frozen=True)
class Installation:
    """What a command talks to. `runtime` is None when no `suture up` ever ran in this state directory."""

    settings: Settings
    runtime: Runtime | None

    @property
    def temporal(self) -> str:
        """The address for messages; what envconfig resolves is up to Temporal's own configuration."""
        return os.environ.get("TEMPORAL_ADDRESS") or "localhost:7233"

    def workflow_url(self, workflow_id: str) -> str:
        """The workflow in the Temporal UI; empty when the address of the UI is not known."""
        from urllib.parse import quote

        if self.runtime is None or not self.runtime.ui:
            return ""
        where = f"/namespaces/{self.runtime.temporal_namespace}/workflows/{quote(workflow_id, safe='')}"
        return self.runtime.ui.rstrip("/") + where


def find() -> Installation:
    """The installation of the state directory; Temporal's client goes there unless variables name another."""
    from lab.stack import Runtime

    settings = config.load()
    runtime = Runtime.load(settings.state_dir)
    if runtime is None:
        return Installation(settings, None)
    if not settings.database:
        settings.database = runtime.database
    if "cluster" not in settings.model_fields_set:
        settings.cluster = runtime.cluster
    _lead_to(runtime)
    return Installation(settings, runtime)


def _lead_to(runtime: Runtime) -> None:
    from lab.stack import replace_variables, temporal_environment

    if config.temporal_in_variables() and not os.environ.get("SUTURE_STATE_DIR_NAMED"):
        return
    if "temporal" in runtime.embedded:
        replace_variables("TEMPORAL_", temporal_environment(runtime.temporal, runtime.temporal_namespace))
    elif not config.temporal_named():
        os.environ["TEMPORAL_ADDRESS"] = runtime.temporal
        os.environ["TEMPORAL_NAMESPACE"] = runtime.temporal_namespace


async def temporal(installation: Installation) -> Client:
    """A client of the installation's Temporal server; raises Failure when it does not answer."""
    from worker.connect import connect

    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            return await connect()
    except Exception as e:
        raise Failure(f"no Temporal server answers at {installation.temporal}", START_HINT) from e


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a command's coroutine, quietly: libraries' warnings are not the user's business here."""
    import logging

    logging.disable(logging.WARNING)
    return asyncio.run(work)
