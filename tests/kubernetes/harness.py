"""Clients that can be watched and interrupted, a ledger of dicts, and what the tests do to a cluster."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from suture.domain.action import Receipt
from suture.domain.errors import TargetNotFound, Unavailable
from suture.domain.snapshot import Manifest
from suture.domain.target import ObjectRef
from suture.ports import Change, Revision
from suture.targets.kubernetes import Client
from suture.targets.kubernetes.errors import Call
from suture.targets.kubernetes.kinds import kind_of


class Ledger:
    """Manifests by revision id."""

    def __init__(self) -> None:
        self.revisions: dict[str, Manifest] = {}

    async def record(self, changes: Sequence[Change]) -> None: ...

    async def last(self, ref: ObjectRef, existing: bool = True) -> Revision | None:
        return None

    async def content(self, revision_id: str) -> Manifest:
        try:
            return self.revisions[revision_id]
        except KeyError:
            raise TargetNotFound(revision_id) from None


class WatchedClient(Client):
    """Counts the writes that change something, and can lose the answer of the next one."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.writes: list[str] = []
        self.lose_next_answer = False

    async def _request(self, call: Call, method: str, url: str, *args: Any, **more: Any) -> bytes:
        answer = await super()._request(call, method, url, *args, **more)
        body = args[0] if args else None
        dry = "dryRun" in url or (isinstance(body, dict) and "dryRun" in body)
        if method != "GET" and not dry:
            self.writes.append(str(call))
            if self.lose_next_answer:
                self.lose_next_answer = False
                raise Unavailable("the connection broke after the server had done it")
        return answer


async def create(client: Client, manifest: Manifest) -> Manifest:
    return await client.create(manifest, manager="test")


async def merge(client: Client, ref: ObjectRef, body: Manifest) -> Manifest:
    return await client.patch(ref, body, "merge", manager="test")


def after_restart(receipt: Receipt) -> Receipt:
    """The receipt as another worker reads it from the history."""
    return Receipt.model_validate_json(receipt.model_dump_json())


async def as_account(
    admin: Client, kubeconfig: str, namespace: str, rules: list[Manifest], tmp: Path
) -> Client:
    """A client of a service account with just these rules in its namespace."""
    meta = {"name": "limited", "namespace": namespace}
    rbac = {"apiVersion": "rbac.authorization.k8s.io/v1", "metadata": meta}
    await create(admin, {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta})
    await create(admin, {**rbac, "kind": "Role", "rules": rules})
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "limited"}
    subject = {"kind": "ServiceAccount", **meta}
    await create(admin, {**rbac, "kind": "RoleBinding", "roleRef": role, "subjects": [subject]})
    account = kind_of("ServiceAccount")
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    path = account.path(namespace, "limited", "token")
    token = (await admin._json(Call("create", account), "POST", path, None, request))["status"]["token"]
    config = yaml.safe_load(Path(kubeconfig).read_text())
    config["users"] = [{"name": user["name"], "user": {"token": token}} for user in config["users"]]
    (tmp / "limited.kubeconfig").write_text(yaml.safe_dump(config))
    return await Client.connect(str(tmp / "limited.kubeconfig"))


async def observed(client: Client, ref: ObjectRef) -> Manifest:
    """The workload once its controller has seen its last change."""
    for _ in range(200):
        live = await client.get(ref)
        if (live.get("status") or {}).get("observedGeneration", 0) >= live["metadata"]["generation"]:
            return live
        await asyncio.sleep(0.05)
    raise AssertionError(f"the controller does not see {ref}")


async def pod_of(client: Client, namespace: str) -> Manifest:
    """A pod of the namespace, as soon as there is one."""
    for _ in range(200):
        if pods := await client.list(kind_of("Pod"), namespace):
            return pods[0]
        await asyncio.sleep(0.05)
    raise AssertionError(f"no pod in {namespace}")
