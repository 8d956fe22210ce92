"""The embedded installation: its own Temporal server and cluster, and the note that says what runs where.

The note (`runtime.json` in the state directory) is how later commands find the installation without options,
and how `suture down` stops exactly what was started here and nothing else.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from lab.cluster import LabCluster
from lab.processes import Process
from lab.temporal import TemporalDevServer
from suture.domain.visibility import SearchAttribute

CLUSTER_NAME = "lab"


class Runtime(BaseModel):
    """What runs where. `process` is the engine: None after an orderly stop; the rest is the last known."""

    model_config = ConfigDict(extra="ignore")

    process: Process | None
    gateway: str
    temporal: str
    temporal_namespace: str = "default"
    ui: str = ""
    cluster: str = "default"
    kubeconfig: str | None = None
    context: str | None = None
    database: str = ""
    mode: str = ""
    log: str | None = None
    embedded: list[str] = Field(default_factory=list)  # of "temporal", "cluster"
    started_at: datetime | None = None

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.alive()

    @property
    def line(self) -> str:
        """What runs where, for people."""
        kind = " (embedded)" if "cluster" in self.embedded else ""
        parts = (
            self.gateway,
            f"Temporal {self.ui or self.temporal}",
            f"cluster {self.cluster}{kind}",
            self.mode,
        )
        return " | ".join(parts)

    def save(self, state_dir: Path) -> None:
        """Write the note so that no reader ever sees half of it; only the user may read it."""
        state_dir.mkdir(parents=True, exist_ok=True)
        draft = state_dir / f".runtime.{os.getpid()}.{threading.get_ident()}"
        draft.touch(mode=0o600)
        draft.write_text(self.model_dump_json(indent=1))
        draft.replace(state_dir / "runtime.json")

    @classmethod
    def load(cls, state_dir: Path) -> Runtime | None:
        """The note of a state directory; None when there is none that can be read."""
        with contextlib.suppress(OSError, ValueError):
            return cls.model_validate_json((state_dir / "runtime.json").read_text())
        return None


class Stack:
    """The embedded parts under one state directory; what is not asked for is never started."""

    def __init__(
        self, state_dir: Path, temporal: bool = True, cluster: bool = True, well_known: bool = False
    ) -> None:
        self.state_dir = state_dir
        attributes = {str(a): "Keyword" for a in SearchAttribute}
        server = TemporalDevServer(
            state_dir / "temporal", search_attributes=attributes, well_known=well_known
        )
        self.temporal = server if temporal else None
        self.cluster = LabCluster(state_dir / "cluster") if cluster else None

    @property
    def parts(self) -> list[str]:
        return [name for name, part in (("temporal", self.temporal), ("cluster", self.cluster)) if part]

    def start(self) -> None:
        """Start both at the same time; when one fails, the other is stopped again."""
        calls: list[Callable[[], object]] = [self.temporal.start] if self.temporal else []
        calls += [self.cluster.up] if self.cluster else []
        with ThreadPoolExecutor(max_workers=2) as pool:
            results = [pool.submit(call) for call in calls]
        problems = [e for r in results if (e := r.exception())]
        if problems:
            self.stop()
            raise problems[0]

    def stop(self) -> list[str]:
        """Stop what runs of it; returns the names of the stopped parts."""
        stopped = []
        if self.temporal and self.temporal.stop():
            stopped.append("Temporal")
        if self.cluster and _has_processes(self.cluster):
            self.cluster.down()
            stopped.append("cluster")
        return stopped

    def environment(self) -> dict[str, str]:
        """Variables that lead every Temporal client to the embedded server, whatever profile the user has."""
        if self.temporal is None:
            return {}
        return temporal_environment(self.temporal.address)


def temporal_environment(address: str, namespace: str = "default") -> dict[str, str]:
    """The whole of Temporal's client configuration for a server without TLS; nothing else may apply."""
    return {"TEMPORAL_ADDRESS": address, "TEMPORAL_NAMESPACE": namespace, "TEMPORAL_CONFIG_FILE": os.devnull}


def replace_variables(prefix: str, wanted: dict[str, str]) -> None:
    """Let only the wanted ones of this process's variables with a prefix remain."""
    for name in [k for k in os.environ if k.startswith(prefix)]:
        del os.environ[name]
    os.environ.update(wanted)


def _has_processes(cluster: LabCluster) -> bool:
    from lab.layout import State

    state = State.load(cluster.home)
    return state is not None and any(p.alive() for p in state.processes)
