"""The embedded Temporal server: keeps history and ports, says why it cannot start, stops nobody else."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.processes import Process
from lab.temporal import TemporalDevServer, TemporalFailed, TemporalState, answers
from lab.tools import ToolMissing

pytestmark = pytest.mark.temporal


@pytest.fixture
def server(tmp_path: Path) -> Iterator[TemporalDevServer]:
    server = TemporalDevServer(tmp_path / "temporal", search_attributes={"SutureOutcome": "Keyword"})
    yield server
    server.stop()


async def test_history_and_ports_survive_a_restart(server: TemporalDevServer) -> None:
    from temporalio.client import Client

    server.start()
    address = server.address
    client = await Client.connect(address)
    await client.start_workflow("Nobody", id="kept", task_queue="none")
    first = server.process
    assert server.stop()
    assert not answers(address)
    assert not server.running()

    server.start()
    assert server.address == address
    assert server.process != first
    found = await (await Client.connect(address)).get_workflow_handle("kept").describe()
    assert found.workflow_type == "Nobody"


def test_a_second_start_finds_the_running_server(server: TemporalDevServer) -> None:
    process = server.start().process
    assert TemporalDevServer(server.directory).start().process == process
    assert server.ui_url.startswith("http://127.0.0.1:")


def test_variables_for_other_servers_do_not_reach_it(
    server: TemporalDevServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEMPORAL_ADDRESS", "temporal.example.org:7233")
    server.start()
    assert server.process is not None
    environment = Path(f"/proc/{server.process.pid}/environ").read_bytes()
    assert b"TEMPORAL_ADDRESS" not in environment


def test_a_taken_port_is_named_with_the_end_of_the_log(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        server = TemporalDevServer(tmp_path, port=taken.getsockname()[1])
        expected = r"(?s)ended while starting.*temporal\.log.*address already in use"
        with pytest.raises(TemporalFailed, match=expected):
            server.start()
    assert not server.running()


def test_a_port_taken_meanwhile_is_replaced_when_nobody_asked_for_it(server: TemporalDevServer) -> None:
    server.start()
    server.stop()
    old = server.state
    assert old is not None
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", old.port))
        taken.listen()
        server.start()
        assert server.address != f"127.0.0.1:{old.port}"


def test_a_missing_binary_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUTURE_TOOLS", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ToolMissing, match="make tools"):
        TemporalDevServer(tmp_path / "t").start()


def test_a_stranger_with_the_same_pid_is_left_alone(tmp_path: Path) -> None:
    stranger = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        record = Process(name="temporal", pid=stranger.pid, started=1, boot=_boot())
        state = TemporalState(port=1, ui_port=2, process=record)
        (tmp_path / "state.json").write_text(state.model_dump_json())
        server = TemporalDevServer(tmp_path)
        assert not server.running()
        assert not server.stop()
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_damaged_state_counts_as_never_started(tmp_path: Path) -> None:
    (tmp_path / "state.json").write_text("{half")
    server = TemporalDevServer(tmp_path)
    assert not server.running()
    assert not server.stop()
    with pytest.raises(LookupError, match="no Temporal server was ever started"):
        _ = server.address


def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def test_a_killed_server_starts_again_on_its_file(server: TemporalDevServer) -> None:
    server.start()
    assert server.process is not None
    os.kill(server.process.pid, 9)
    TemporalDevServer(server.directory).start()
    assert answers(server.address)
