"""The table of kinds."""

from __future__ import annotations

import pytest

from suture.domain.errors import Invalid
from suture.domain.snapshot import CLUSTER_SCOPED
from suture.targets.kubernetes.client import Client
from suture.targets.kubernetes.kinds import KINDS, in_ledger, kind_of
from tests.kubernetes.objects import ref


def test_paths() -> None:
    assert kind_of("Pod").path() == "/api/v1/pods"
    assert kind_of("Pod").path("shop", "web-1", "log") == "/api/v1/namespaces/shop/pods/web-1/log"
    assert kind_of("Deployment").path("shop") == "/apis/apps/v1/namespaces/shop/deployments"
    assert kind_of("Node").path("ignored", "n1") == "/api/v1/nodes/n1"


def test_unknown_kind() -> None:
    with pytest.raises(Invalid, match="'Gadget' is not known: use one of"):
        kind_of("Gadget")


def test_scopes_agree_with_the_domain() -> None:
    assert {k.name for k in KINDS.values() if not k.namespaced} == CLUSTER_SCOPED


def test_ledger_keeps_wishes_not_what_controllers_make() -> None:
    assert in_ledger(ref("Deployment", "a")) and in_ledger(ref("Secret", "a"))
    assert not any(in_ledger(ref(kind, "a")) for kind in ("Pod", "ReplicaSet", "Event", "EndpointSlice"))
    assert not in_ledger(ref("ConfigMap", "a", "kube-root-ca.crt"))


@pytest.mark.cluster
async def test_the_server_serves_every_kind(admin: Client) -> None:
    for kind in KINDS.values():
        await admin.page(kind, limit=1)
