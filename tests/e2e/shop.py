"""What the end-to-end tests break and look at: small deployments on the lab's cluster, and the API server's audit log."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

from lab.cluster import LabCluster
from lab.kube import Kube
from lab.objects import Obj, dig
from lab.software import set_software

T = TypeVar("T")
GOOD, BAD = "registry.example.com/web:1.0", "registry.example.com/web:2.0-broken"


def until(ask: Callable[[], T | None], seconds: float = 60) -> T:
    """The first answer that isn't empty."""
    end = time.monotonic() + seconds
    while not (answer := ask()):
        assert time.monotonic() < end, f"it did not happen within {seconds:g} s"
        time.sleep(0.2)
    return answer


def workload(name: str, **container: Any) -> Obj:
    """A deployment of one small pod; `container` holds further fields of its container."""
    labels = {"app": name}
    one = {"name": name, "image": GOOD, **container}  # the lab knows a program by this name
    template = {"metadata": {"labels": labels}, "spec": {"containers": [one]}}
    spec = {"replicas": 1, "selector": {"matchLabels": labels}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec}


class Shop:
    """Deployments in a namespace of the lab's cluster; only the image GOOD can be pulled."""

    def __init__(self, cluster: LabCluster, namespace: str) -> None:
        self.cluster, self.namespace = cluster, namespace
        self.kube: Kube = cluster.kube()
        self.kube.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})

    def open(self, names: Iterable[str], **container: Any) -> None:
        """Deploy them and wait until they are available."""
        listed = list(names)
        set_software(self.cluster.home, self.namespace, {name: {"images": [GOOD]} for name in listed})
        for name in listed:
            self.kube.apply(workload(name, **container), self.namespace)
        until(lambda: all(dig(self.get(name), "status.availableReplicas") for name in listed))

    def get(self, name: str) -> Obj:
        found = self.kube.get("Deployment", self.namespace, name)
        assert found is not None
        return found

    def image(self, name: str) -> str:
        return str(self.get(name)["spec"]["template"]["spec"]["containers"][0]["image"])

    def roll_out(self, name: str, **container: Any) -> None:
        """A rollout that asks for an image which does not exist, unless told otherwise."""
        changed = {"name": name, "image": BAD, **container}
        body = {"spec": {"template": {"spec": {"containers": [changed]}}}}
        self.kube.patch("Deployment", self.namespace, name, body)

    def close(self) -> None:
        """Delete the namespace; what is left of it concerns nobody."""
        self.kube.delete("Namespace", None, self.namespace)


class Writes:
    """What one user wrote in one namespace since now, according to the audit log; dry runs count as nothing."""

    def __init__(self, home: Path, namespace: str, user: str = "engine") -> None:
        self._log, self._namespace, self._user = home / "audit.log", namespace, user
        self._offset = self._log.stat().st_size

    def names(self) -> list[str]:
        """The objects that were written, once for each write that succeeded."""
        return [e["objectRef"]["name"] for e in self._events() if e["responseStatus"]["code"] < 300]

    def _events(self) -> list[dict[str, Any]]:
        with self._log.open() as log:
            log.seek(self._offset)
            events = [json.loads(line) for line in log if line.endswith("\n")]
        return [
            e
            for e in events
            if e["user"]["username"] == self._user
            and dig(e, "objectRef.namespace") == self._namespace
            and "dryRun" not in e["requestURI"]
        ]
