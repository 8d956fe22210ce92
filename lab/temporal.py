"""The embedded Temporal server: the real one (`temporal server start-dev`), on loopback, history in a file.

Ports and process are written down next to the history: a later start finds a server that still runs, or
starts one on the same file and ports, and a stop never meets a stranger.
"""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

import grpc
from pydantic import BaseModel, ConfigDict

from lab import processes
from lab.processes import Process, free_ports, port_is_free
from lab.tools import tool

_PREFERRED = (7233, 8233)  # where the `temporal` command line looks by itself
_TUNING = {
    "history.transferProcessorMaxPollRPS": "5000",
    "history.timerProcessorMaxPollRPS": "5000",
    "history.visibilityProcessorMaxPollRPS": "5000",
    "matching.numTaskqueueReadPartitions": "1",
    "matching.numTaskqueueWritePartitions": "1",
    "system.enableActivityEagerExecution": "true",
}  # the defaults are paced for large clusters: an idle incident took 800 ms instead of 200
_PRAGMAS = ("journal_mode=wal", "synchronous=normal")
_SERVICE = "temporal.api.workflowservice.v1.WorkflowService"
_ATTEMPTS = 3  # the server picks further ports of its own, which a neighbour may take first


class TemporalFailed(RuntimeError):
    """The Temporal server did not start; the message ends with the last lines of its log."""


class TemporalState(BaseModel):
    """What the directory remembers of its server."""

    model_config = ConfigDict(extra="forbid")

    port: int
    ui_port: int
    process: Process | None = None


class TemporalDevServer:
    """One server whose files lie in `directory`. A port of None: the one of last time, else a free one.

    `search_attributes` maps names to types (Keyword, Int, ...); the server registers them when it starts.
    `well_known` asks for Temporal's usual ports where they are free.
    """

    def __init__(
        self,
        directory: Path | str,
        port: int | None = None,
        ui_port: int | None = None,
        search_attributes: dict[str, str] | None = None,
        well_known: bool = False,
    ) -> None:
        self.directory = Path(directory).resolve()
        self._asked = (port, ui_port)
        self._attributes = search_attributes or {}
        self._well_known = well_known
        self._file = self.directory / "state.json"

    @property
    def log(self) -> Path:
        return self.directory / "temporal.log"

    @property
    def state(self) -> TemporalState | None:
        """What was written down at the last start; None when there was none."""
        with contextlib.suppress(OSError, ValueError):
            return TemporalState.model_validate_json(self._file.read_text())
        return None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._known().port}"

    @property
    def ui_url(self) -> str:
        return f"http://127.0.0.1:{self._known().ui_port}"

    @property
    def process(self) -> Process | None:
        return self.state.process if self.state else None

    def running(self) -> bool:
        """Whether the process that was started here lives."""
        process = self.process
        return process is not None and process.alive()

    def start(self, timeout: float = 30.0) -> TemporalDevServer:
        """Start the server, or find it running; returns when it takes workflows.

        Raises TemporalFailed, ToolMissing.
        """
        if self.running():
            with contextlib.suppress(TemporalFailed):
                self._wait(timeout)
                return self
            self.stop()
        self.directory.mkdir(parents=True, exist_ok=True)
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                self._launch(self._choose_ports(first=attempt == 1))
                self._wait(timeout)
                break
            except TemporalFailed as e:
                self.stop()
                if "address already in use" not in str(e) or any(self._asked) or attempt == _ATTEMPTS:
                    raise
        return self

    def stop(self, grace: float = 10.0) -> bool:
        """Stop exactly the process that was started here; returns False when it did not run."""
        state = self.state
        if state is None or state.process is None:
            return False
        ran = state.process.alive()
        processes.stop([state.process], grace)
        self._save(state.model_copy(update={"process": None}))
        return ran

    def _launch(self, ports: tuple[int, int]) -> None:
        state = TemporalState(port=ports[0], ui_port=ports[1])
        if self.log.exists():
            self.log.replace(self.log.with_suffix(".old.log"))
        # What a user set for other Temporal servers must not reach this one.
        environment = {k: v for k, v in os.environ.items() if not k.startswith("TEMPORAL_")}
        command = [str(tool("temporal")), *self._arguments(state)]
        process = processes.start("temporal", command, self.log, environment)
        self._save(state.model_copy(update={"process": process}))

    def _arguments(self, state: TemporalState) -> list[str]:
        given = ["server", "start-dev", "--ip", "127.0.0.1", "--log-level", "warn"]
        given += ["--port", str(state.port), "--ui-port", str(state.ui_port)]
        given += ["--db-filename", str(self.directory / "temporal.db")]
        for pragma in _PRAGMAS:
            given += ["--sqlite-pragma", pragma]
        for key, value in _TUNING.items():
            given += ["--dynamic-config-value", f"{key}={value}"]
        for name, kind in self._attributes.items():
            given += ["--search-attribute", f"{name}={kind}"]
        return given

    def _wait(self, timeout: float) -> None:
        deadline = time.monotonic() + timeout
        while True:
            ready = answers(self.address)
            if not self.running():  # also when somebody answers: that is a stranger on the same port
                raise TemporalFailed(f"the Temporal server ended while starting.{self._tail()}")
            if ready:
                return
            if time.monotonic() > deadline:
                raise TemporalFailed(f"the Temporal server does not answer on {self.address}.{self._tail()}")
            time.sleep(0.05)

    def _tail(self, lines: int = 12) -> str:
        text = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return "\n".join([f" The end of {self.log}:", *(f"  {line}" for line in text[-lines:])])

    def _choose_ports(self, first: bool) -> tuple[int, int]:
        known = self.state if first else None
        usual = _PREFERRED if first and self._well_known else (0, 0)
        wished = (known.port, known.ui_port) if known else usual
        spare = free_ports(2)
        free = soon_free if known else port_is_free
        fitting = [w if w and free(w) else s for w, s in zip(wished, spare, strict=True)]
        return self._asked[0] or fitting[0], self._asked[1] or fitting[1]

    def _known(self) -> TemporalState:
        state = self.state
        if state is None:
            raise LookupError(f"no Temporal server was ever started in {self.directory}")
        return state

    def _save(self, state: TemporalState) -> None:
        draft = self._file.with_suffix(".draft")
        draft.write_text(state.model_dump_json(indent=1))
        draft.replace(self._file)


def soon_free(port: int, seconds: float = 3.0) -> bool:
    """Whether the port of last time can be had again; a killed server's last threads may hold it for a moment."""
    deadline = time.monotonic() + seconds
    while not port_is_free(port):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def answers(address: str, namespace: str = "default") -> bool:
    """Whether the Temporal server at this address is healthy and has the namespace (plain text, no TLS)."""
    options = [("grpc.enable_http_proxy", 0), ("grpc.max_reconnect_backoff_ms", 100)]
    with grpc.insecure_channel(address, options=options) as channel:
        try:
            health = channel.unary_unary("/grpc.health.v1.Health/Check")(_text_field(_SERVICE), timeout=1)
            channel.unary_unary(f"/{_SERVICE}/DescribeNamespace")(_text_field(namespace), timeout=1)
        except grpc.RpcError:
            return False
    return bool(health == b"\x08\x01")  # HealthCheckResponse{status: SERVING}


def _text_field(text: str) -> bytes:
    """A protobuf message whose field 1 is this text, as both requests are; generated stubs load slowly."""
    return b"\x0a" + bytes([len(text)]) + text.encode()
