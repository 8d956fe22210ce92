"""The three things that the demo breaks, each the way people break them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from lab.kube import Kube
from suture.domain.target import Target

NAMESPACE = "bookstore"
APP = "bookstore"
_REGISTRY = "registry.example.com/bookstore"


@dataclass(frozen=True)
class Break:
    """One trouble: what a person would say of it, how it is made, who reports it (no alert: the watch)."""

    title: str
    noticed: str
    name: str
    make: Callable[[Kube], object]
    alert: dict[str, str] | None = None

    def target(self, cluster: str) -> Target:
        return Target(cluster=cluster, namespace=NAMESPACE, kind="Deployment", name=self.name)


def _container(name: str, **fields: Any) -> dict[str, Any]:
    return {"spec": {"template": {"spec": {"containers": [{"name": name, **fields}]}}}}


def _bad_image(kube: Kube) -> object:
    body = _container("orders", image=f"{_REGISTRY}/orders:5.1.0-rc1")
    return kube.patch("Deployment", NAMESPACE, "orders", body)


def _scale_to_zero(kube: Kube) -> object:
    return kube.patch("Deployment", NAMESPACE, "basket", {"spec": {"replicas": 0}})


def _too_little_memory(kube: Kube) -> object:
    memory = {"memory": "64Mi"}
    body = _container("storefront", resources={"requests": memory, "limits": memory})
    return kube.patch("Deployment", NAMESPACE, "storefront", body)


BREAKS = (
    Break(
        title="somebody rolls out an image that does not exist (orders:5.1.0-rc1)",
        noticed="the watch on the cluster notices; nobody reports anything",
        name="orders",
        make=_bad_image,
    ),
    Break(
        title="somebody scales basket to zero",
        noticed="Alertmanager reports it to the webhook",
        name="basket",
        make=_scale_to_zero,
        alert={"alertname": "KubeDeploymentHasNoReplicas", "deployment": "basket", "severity": "critical"},
    ),
    Break(
        title="somebody cuts the memory of storefront to 64Mi: it is killed again and again",
        noticed="the watch notices; the demo's policy wants a person to approve changes of storefront",
        name="storefront",
        make=_too_little_memory,
    ),
)


def webhook(labels: dict[str, str]) -> dict[str, Any]:
    """What Alertmanager posts (version 4) for one firing alert with these labels."""
    labels = {"namespace": NAMESPACE, **labels}
    alert = {
        "status": "firing",
        "labels": labels,
        "annotations": {"summary": f"{labels['deployment']} has no replicas"},
        "startsAt": datetime.now(UTC).isoformat(),
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "",
        "fingerprint": f"demo-{labels['deployment']}",
    }
    return {
        "version": "4",
        "groupKey": '{}:{alertname="' + labels["alertname"] + '"}',
        "truncatedAlerts": 0,
        "status": "firing",
        "receiver": "suture",
        "groupLabels": {"alertname": labels["alertname"]},
        "commonLabels": labels,
        "commonAnnotations": {},
        "externalURL": "",
        "alerts": [alert],
    }
