"""`suture up` in the background, and the commands that find it by themselves: the way of an ordinary day."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lab.apps import deploy, wait_healthy
from lab.kube import Kube
from lab.processes import free_ports
from lab.stack import Runtime
from suture.domain.errors import Invalid
from suture.targets.kubernetes.client import Client

pytestmark = [pytest.mark.cluster, pytest.mark.temporal, pytest.mark.slow, pytest.mark.timeout(300)]

SOURCE = Path(__file__).resolve().parents[2]
Suture = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def suture(home: Path) -> Iterator[Suture]:
    kept = {k: v for k, v in os.environ.items() if k in ("PATH", "SUTURE_TOOLS", "LANG")}
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    pace = {"SUTURE_OPTIONS__STABLE_FOR": "1", "SUTURE_OPTIONS__COOLDOWN": "1"}
    own = {"HOME": str(home), "XDG_CACHE_HOME": cache, "PYTHONPATH": str(SOURCE), "USER": "ada", **pace}

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "suture.cli", *arguments],
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
            env={**kept, **own},
            cwd=home,
            timeout=150,
        )

    yield run
    run("down")


@pytest.fixture(scope="module")
def others_cluster(home: Path) -> Iterator[socket.socket]:
    """A ~/.kube/config that merely lies there, of a cluster that nobody may call."""
    (home / ".kube").mkdir()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0)
        server = f"http://127.0.0.1:{listener.getsockname()[1]}"
        config = {
            "current-context": "production",
            "contexts": [{"name": "production", "context": {"cluster": "production", "user": "me"}}],
            "clusters": [{"name": "production", "cluster": {"server": server}}],
            "users": [{"name": "me", "user": {"token": "mine"}}],
        }
        (home / ".kube" / "config").write_text(json.dumps(config))
        yield listener


@pytest.fixture(scope="module")
def runtime(suture: Suture, home: Path, others_cluster: socket.socket) -> Runtime:
    [port] = free_ports(1)
    done = suture("up", "--background", "--listen", f"127.0.0.1:{port}")
    assert done.returncode == 0, done.stderr
    [line] = done.stdout.splitlines()
    for part in (
        "suture is ready",
        f"http://127.0.0.1:{port}",
        "cluster lab",
        "every change asks",
        "suture.log",
    ):
        assert part in line
    found = Runtime.load(home / ".local/state/suture")
    assert found is not None and found.running
    return found


def _until(ask: Callable[[], Any], seconds: float = 60) -> Any:
    deadline = time.monotonic() + seconds
    while not (answer := ask()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.3)
    return answer


def test_a_second_up_says_that_it_runs(suture: Suture, runtime: Runtime) -> None:
    assert runtime.process is not None
    again = suture("up")
    assert again.returncode == 0
    assert f"already running (pid {runtime.process.pid})" in again.stdout


def test_everything_answers(suture: Suture, runtime: Runtime) -> None:
    done = suture("status", "--json")
    assert done.returncode == 0, done.stdout
    assert {part["state"] for part in json.loads(done.stdout).values()} == {"ok"}


def test_an_incident_waits_is_approved_and_is_remembered(
    suture: Suture, runtime: Runtime, home: Path
) -> None:
    kubeconfig = home / ".local/state/suture/cluster/kubeconfig"
    deploy(kubeconfig, "bookstore", "shop")
    wait_healthy(kubeconfig, "shop")
    image = {"spec": {"template": {"spec": {"containers": [{"name": "orders", "image": "no/such:1"}]}}}}
    Kube(kubeconfig).patch("Deployment", "shop", "orders", image)

    def waiting() -> dict[str, Any] | None:
        rows = json.loads(suture("incidents", "--open", "--json").stdout)
        return next((r for r in rows if r["state"] == "waits for approval"), None)

    row = _until(waiting)
    name = row["incident"]
    assert name.startswith("orders-")
    assert suture("incidents").stdout.splitlines()[1].startswith(name)
    asked = suture("show", "shop/deployment/orders").stdout
    assert "Waits for a person" in asked and f"suture approve {name}" in asked

    stale = suture("approve", name, "--plan", "0123456789abcdef")
    assert stale.returncode == 1 and "the plan has changed since" in stale.stderr
    approved = suture("approve", name[:-3], "--reason", "as discussed")
    assert approved.returncode == 0, approved.stderr
    assert f"{name} by ada" in approved.stdout
    assert suture("approve", name).returncode == 1

    def healed() -> str | None:
        told = suture("show", name).stdout
        return told if "state     healed" in told else None

    told = _until(healed)
    assert "approve by ada" in told and "as discussed" in told
    assert "receipt" in told and "verified   yes" in told
    assert "/workflows/incident%2Flab%2Fshop%2Fdeployment%2Forders" in told
    assert name in _until(lambda: suture("incidents", "--outcome", "healed", "-n", "shop").stdout)
    file = home / "out.jsonl"
    assert "wrote 1 incidents" in suture("export", str(file), "--since", "1h").stdout
    assert json.loads(file.read_text())["incident_id"] == name


def test_a_kubeconfig_that_merely_lies_there_is_not_touched(
    runtime: Runtime, others_cluster: socket.socket
) -> None:
    assert runtime.cluster == "lab"
    assert runtime.log is not None
    assert "~/.kube/config is left alone" in Path(runtime.log).read_text()
    with pytest.raises(BlockingIOError):  # nobody has called
        others_cluster.accept()


def test_a_report_about_a_healthy_target_changes_nothing(suture: Suture, runtime: Runtime) -> None:
    done = suture("report", "deploy/basket", "-n", "shop", "--summary", "is it well?")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "reported: incident/lab/shop/deployment/basket\n"
    _until(lambda: "self_resolved" in suture("show", "shop/deployment/basket").stdout)
    assert ", 1 report\n" in suture("show", "shop/deployment/basket").stdout  # counted once


def test_down_stops_everything_and_up_resumes(suture: Suture, runtime: Runtime, home: Path) -> None:
    assert runtime.process is not None
    done = suture("down")
    assert done.returncode == 0
    assert f"pid {runtime.process.pid}" in done.stdout
    assert "embedded temporal" in done.stdout and "embedded cluster" in done.stdout
    assert not runtime.process.alive()
    assert "nothing of" in suture("down").stdout
    assert "orders-" in suture("incidents", "--outcome", "healed").stdout  # the database still answers
    again = suture("up", "--background", "--listen", "127.0.0.1:0")
    assert again.returncode == 0, again.stderr
    assert "orders-" in suture("incidents").stdout


def test_a_killed_engine_leaves_nothing_that_down_does_not_find(suture: Suture, home: Path) -> None:
    runtime = Runtime.load(home / ".local/state/suture")
    assert runtime is not None and runtime.process is not None
    os.kill(runtime.process.pid, 9)
    _until(lambda: not runtime.running)
    assert suture("status").returncode == 1
    done = suture("down")
    assert "embedded" in done.stdout
    assert not any(str(home) in c for c in _commands())


def _commands() -> Iterator[str]:
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            yield file.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "no such file"),
        ("{}", "current-context"),
        (": : :", "not a kubeconfig"),
        ("", "not a kubeconfig"),
    ],
)
def test_a_kubeconfig_that_cannot_be_used_is_named(tmp_path: Path, content: str | None, reason: str) -> None:
    file = tmp_path / "my.kubeconfig"
    if content is not None:
        file.write_text(content)
    with pytest.raises(Invalid, match=reason) as caught:
        asyncio.run(Client.connect(str(file)))
    assert str(file) in str(caught.value) and "kubectl config view" in str(caught.value)
