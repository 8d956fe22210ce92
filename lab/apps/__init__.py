"""Sample applications: manifests (`NAME.yaml`) and what the cluster never sees (`NAME.software.yaml`)."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import yaml

from lab.cluster import LabError
from lab.kube import Kube
from lab.objects import KINDS, Obj, dig
from lab.software import set_software

OWN = Path(__file__).resolve().parent


def documents(text: str, namespace: str) -> list[Any]:
    """The YAML documents of a text in which `$NS` stands for the namespace."""
    return [doc for doc in yaml.safe_load_all(text.replace("$NS", namespace)) if doc]


def find(app: str, folders: Sequence[Path]) -> Path:
    """The first of these folders (the lab's own is the last) that has the application."""
    for folder in (*folders, OWN):
        if (folder / f"{app}.yaml").is_file():
            return folder
    raise LabError(f"no {app}.yaml in " + ", ".join(str(f) for f in (*folders, OWN)))


def load(app: str, namespace: str, folders: Sequence[Path] = ()) -> tuple[list[Obj], Obj]:
    """The objects of an application and the description of its software."""
    folder = find(app, folders)
    objects = documents((folder / f"{app}.yaml").read_text(), namespace)
    hidden = folder / f"{app}.software.yaml"
    software: Obj = documents(hidden.read_text(), namespace)[0] if hidden.is_file() else {}
    return objects, software


def place(kube: Kube, namespace: str, objects: Sequence[Obj]) -> None:
    """Apply objects, those without a namespace in this one."""
    for obj in objects:
        kube.apply(obj, namespace if KINDS[obj["kind"]].namespaced else None)


def deploy(kubeconfig: Path | str, app: str, namespace: str, folder: Path | None = None) -> None:
    """Place an application in a (new) namespace, with the rules for its software.

    The kubeconfig is one of a lab directory: the rules go into the same directory.
    """
    objects, software = load(app, namespace, [folder] if folder else [])
    set_software(Path(kubeconfig).resolve().parent, namespace, software)
    kube = Kube(kubeconfig)
    kube.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
    place(kube, namespace, objects)


def wait_healthy(kubeconfig: Path | str, namespace: str, timeout: float = 60) -> None:
    """Wait until every workload of a namespace is completely rolled out, ready and has its volumes."""
    kube, end = Kube(kubeconfig), time.monotonic() + timeout
    while bad := unhealthy(kube, namespace):
        if time.monotonic() > end:
            raise LabError(f"not healthy after {timeout:.0f} s in {namespace}: {', '.join(bad)}")
        time.sleep(0.2)


def unhealthy(kube: Kube, namespace: str) -> list[str]:
    """The workloads and claims of a namespace that are not as they should be."""
    checks: dict[str, Callable[[Obj], bool]] = {
        "Deployment": rolled_out,
        "StatefulSet": rolled_out,
        "DaemonSet": daemons_out,
        "PersistentVolumeClaim": bound,
    }
    return [
        f"{kind}/{obj['metadata']['name']}"
        for kind, good in checks.items()
        for obj in kube.list(kind, namespace)
        if not good(obj)
    ]


def bound(claim: Obj) -> bool:
    """Has a claim got its volume, and may it keep it?"""
    return dig(claim, "status.phase") == "Bound" and "deletionTimestamp" not in claim["metadata"]


def rolled_out(workload: Obj) -> bool:
    """Is every replica of a Deployment or StatefulSet updated and available, with no old one left?"""
    status, wanted = workload.get("status", {}), workload["spec"].get("replicas", 1)
    if status.get("observedGeneration", 0) < workload["metadata"]["generation"]:
        return False
    counts = {status.get(key, 0) for key in ("replicas", "readyReplicas")}
    if workload["kind"] == "Deployment":
        return counts | {status.get(key, 0) for key in ("updatedReplicas", "availableReplicas")} == {wanted}
    return counts == {wanted} and status.get("currentRevision") == status.get("updateRevision")


def daemons_out(daemons: Obj) -> bool:
    """Does a DaemonSet run its newest pod on every node that it should?"""
    status = daemons.get("status", {})
    wanted = status.get("desiredNumberScheduled", 0)
    return bool(
        status.get("observedGeneration", 0) >= daemons["metadata"]["generation"]
        and status.get("numberReady", 0) == wanted == status.get("updatedNumberScheduled", 0)
    )
