"""`suture why` as a user types it, on a real control plane: what it tells, that it only looks, and clear errors."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from lab import apps
from lab.cluster import LabCluster
from lab.kube import Kube
from suture.cli.causes import changed_fields
from suture.cli.naming import near_names, parse
from suture.cli.problems import WrongUse
from suture.domain.snapshot import ref_of
from suture.domain.target import ObjectRef
from suture.memory.ledger import SqlLedger
from suture.memory.store import SqlMemory
from suture.ports import Change, Revision
from suture.sealing import Sealer
from suture.settings import Settings
from suture.targets.kubernetes import Client, KubernetesCluster

SOURCE = Path(__file__).resolve().parents[2]
NS = "why"


class Asker:
    """The command with a state directory of its own."""

    def __init__(self, cluster: LabCluster, state: Path) -> None:
        self.cluster, self.state = cluster, state

    @property
    def kube(self) -> Kube:
        return Kube(self.cluster.kubeconfig)

    def __call__(self, *words: str) -> subprocess.CompletedProcess[str]:
        kept = {
            k: v
            for k, v in os.environ.items()
            if not k.startswith(("SUTURE_", "KUBE", "TEMPORAL_")) or k == "SUTURE_TOOLS"
        }
        environment = kept | {
            "SUTURE_STATE_DIR": str(self.state),
            "KUBECONFIG": str(self.cluster.engine_kubeconfig),
        }
        command = [sys.executable, "-m", "suture.cli", "why", *words]
        return subprocess.run(
            command, env=environment, cwd=SOURCE, capture_output=True, text=True, timeout=60, check=False
        )

    def json(self, *words: str) -> dict[str, Any]:
        done = self(*words, "-n", NS, "--json")
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def record(self) -> None:
        """What the watch would have told the ledger by now."""
        asyncio.run(self._record())

    async def _record(self) -> None:
        settings = Settings(state_dir=self.state, database="", kubeconfig=str(self.cluster.engine_kubeconfig))
        sealer = Sealer(settings.sealing_key())
        async with await SqlMemory.connect(settings.database_url, sealer) as memory:
            ledger = SqlLedger(memory.database, settings.cluster, sealer)
            async with await Client.connect(settings.kubeconfig) as client:
                seen = await KubernetesCluster(settings.cluster, client, sealer, ledger).snapshot(NS)
            now = datetime.now(UTC)
            await ledger.record([Change(ref=ref_of(m), manifest=m, previous=None, at=now) for m in seen])
            await ledger.reconcile([ref_of(m) for m in seen], now)


@pytest.fixture(scope="module")
def ask(lab_cluster: LabCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asker]:
    apps.deploy(lab_cluster.kubeconfig, "bookstore", NS)
    apps.wait_healthy(lab_cluster.kubeconfig, NS)
    asker = Asker(lab_cluster, tmp_path_factory.mktemp("state"))
    yield asker
    asker.kube.delete("Namespace", None, NS)


def healthy_without_ledger(ask: Asker) -> None:
    told = ask("deploy/storefront", "-n", NS)
    assert told.returncode == 0, told.stderr
    assert told.stdout.startswith(f"Deployment/{NS}/storefront: healthy")
    for line in (
        "reads ConfigMap/store-settings",
        "Service/storefront selects it",
        "Ingress/bookstore routes to it",
        "HorizontalPodAutoscaler/storefront scales it",
        "calls Service/inventory",
        "2 pods, 2 ready",
    ):
        assert line in told.stdout
    assert "\033" not in told.stdout
    assert "there is no ledger" in told.stdout
    assert list(ask.state.iterdir()) == []  # it only looks


def broken_with_ledger(ask: Asker) -> None:
    ask.record()
    ask.kube.delete("ConfigMap", NS, "billing-providers")
    ask.kube.patch("Service", NS, "orders", {"spec": {"selector": {"app": "order"}}})
    for pod in ask.kube.list("Pod", NS):
        if pod["metadata"]["name"].startswith("billing-"):
            ask.kube.delete("Pod", NS, pod["metadata"]["name"], grace=0)
    deadline = time.monotonic() + 30
    while ask.json("deployment/billing")["health"] != "unhealthy" and time.monotonic() < deadline:
        time.sleep(1)
    ask.record()
    found = ask.json("deployment/billing")
    lost = f"ConfigMap/{NS}/billing-providers"
    assert f"Deployment/{NS}/billing mounts {lost}: does not exist" in found["broken"]
    assert any(lost in h["cause"] or "billing-providers" in h["cause"] for h in found["hypotheses"])
    best = found["hypotheses"][0]
    assert best["plan"]["actions"][0]["kind"] == "recreate_object"
    assert [c["fields"] for c in found["changes"] if c["object"] == lost] == ["deleted"]
    service = ask.json("svc/orders")
    changed = [c for c in service["changes"] if c["object"] == f"Service/{NS}/orders"]
    assert [c["fields"] for c in changed] == ["selector.app 'orders' -> 'order'"]
    assert changed[0]["by"]
    assert any("should select" in told for told in service["broken"])


def nothing_was_changed(ask: Asker, before: dict[str, str]) -> None:
    assert {k: v for k, v in versions(ask).items() if k in before} == before


def versions(ask: Asker) -> dict[str, str]:
    kinds = ("ConfigMap", "Secret", "Service", "NetworkPolicy", "Ingress")
    found = [o for kind in kinds for o in ask.kube.list(kind, NS)]
    return {f"{o['kind']}/{o['metadata']['name']}": o["metadata"]["resourceVersion"] for o in found}


@pytest.mark.cluster
@pytest.mark.slow
def test_why_tells_what_is_and_what_changed(ask: Asker) -> None:
    before = versions(ask)
    healthy_without_ledger(ask)
    nothing_was_changed(ask, before)
    broken_with_ledger(ask)


@pytest.mark.cluster
@pytest.mark.parametrize(
    ("words", "said", "hint"),
    [
        (("deploy/storefrnt", "-n", NS), "does not exist", "deployment/storefront"),
        (("svc/databse", "-n", NS), "does not exist", "service/database"),
        (("deploy/database", "-n", NS), "does not exist", "statefulset/database"),
        (("deploy/storefront", "-n", "whi"), "no namespace whi", f"-n {NS}"),
        (("deploymnt/x",), "kind 'deploymnt' is not known", "Deployment"),
        (("storefront",), "names no object", "KIND/NAME"),
        (("deploy/a/b",), "names no object", "KIND/NAME"),
    ],
)
def test_clear_errors(ask: Asker, words: tuple[str, ...], said: str, hint: str) -> None:
    done = ask(*words)
    assert done.returncode in (1, 2)
    assert said in done.stderr
    assert hint in done.stderr
    assert "Traceback" not in done.stderr


def test_no_cluster_in_reach(tmp_path: Path) -> None:
    asker = Asker(LabCluster(tmp_path), tmp_path / "state")
    done = asker("deploy/x")
    assert done.returncode == 1
    assert "kubeconfig" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("deploy/web", "Deployment/shop/web"),
        ("Deployment/web", "Deployment/shop/web"),
        ("deployments.apps/web", "Deployment/shop/web"),
        ("networkpolicies/web", "NetworkPolicy/shop/web"),
        ("NO/n1", "Node/n1"),
        ("pvc/x", "PersistentVolumeClaim/shop/x"),
    ],
)
def test_names_of_kinds(text: str, meant: str) -> None:
    assert str(parse(text, "shop")) == meant


@pytest.mark.parametrize("text", ["", "/", "deploy", "deploy/", "/web", "deploy/a b", "nonsense/web"])
def test_what_names_nothing(text: str) -> None:
    with pytest.raises(WrongUse):
        parse(text, "shop")


def test_near_names() -> None:
    assert near_names("wbe", ["web", "db"]) == ["web"]
    assert near_names("orders", ["orders-v2", "db"]) == ["orders-v2"]
    assert near_names("x", ["web"]) == []


def revision(
    number: int, content: dict[str, Any] | None, kind: str = "ConfigMap", uid: str = "1"
) -> Revision:
    ref = ObjectRef(kind=kind, namespace="shop", name="x")
    return Revision(id=str(number), ref=ref, uid=uid, at=datetime(2026, 1, 1, tzinfo=UTC), content=content)


def test_changes_field_by_field() -> None:
    states = [{"data": {"a": "1", "b": "1"}}, {"data": {"a": "2", "b": "1"}}, None, {"data": {"a": "2"}}]
    history = [revision(n, c) for n, c in enumerate(states)][::-1]
    assert [told for _, told in changed_fields(history)] == ["created anew", "deleted", "data.a '1' -> '2'"]
    assert changed_fields(history[-1:]) == []
    assert changed_fields([]) == []


def test_changes_of_secrets_show_no_values() -> None:
    history = [
        revision(2, {"data": {"user": "sealed:v1:b"}}, "Secret"),
        revision(1, {"data": {"user": "sealed:v1:a"}}, "Secret"),
    ]
    ((_, told),) = changed_fields(history)
    assert "sealed" not in told
    assert told.startswith("data.user")
