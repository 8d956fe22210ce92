"""A dynamic provisioner, so that claims of the lab's storage class are bound like in a real cluster."""

from __future__ import annotations

import logging

from lab.kube import ApiError, Kube
from lab.objects import Obj, dig
from lab.world import World

log = logging.getLogger(__name__)
PROVISIONER = "disk.csi.suture.example"
_KINDS = ("PersistentVolumeClaim", "PersistentVolume", "StorageClass")


class Provisioner:
    """Creates a volume for each claim that waits for one, and removes released volumes."""

    def __init__(self, kube: Kube) -> None:
        self._kube = kube
        self._seen = -1

    def sync(self, world: World) -> None:
        """Look at the claims if something about storage has changed."""
        version = world.store.kind_changes(*_KINDS)
        if version == self._seen:
            return
        for claim in world.all("PersistentVolumeClaim"):
            if _wants_volume(world, claim):
                self._create(claim)
        for volume in world.all("PersistentVolume"):
            keep = dig(volume, "spec.persistentVolumeReclaimPolicy") != "Delete"
            if not keep and dig(volume, "status.phase") == "Released":
                self._kube.delete("PersistentVolume", None, volume["metadata"]["name"])
        self._seen = version

    def _create(self, claim: Obj) -> None:
        meta, spec = claim["metadata"], claim["spec"]
        name = _volume_name(claim)
        volume = {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {"name": name, "annotations": {"pv.kubernetes.io/provisioned-by": PROVISIONER}},
            "spec": {
                "capacity": spec["resources"]["requests"],
                "accessModes": spec["accessModes"],
                "storageClassName": spec["storageClassName"],
                "persistentVolumeReclaimPolicy": "Delete",
                "claimRef": {
                    "apiVersion": "v1",
                    "kind": "PersistentVolumeClaim",
                    "uid": meta["uid"],
                    "namespace": meta["namespace"],
                    "name": meta["name"],
                },
                "csi": {"driver": PROVISIONER, "volumeHandle": name},
            },
        }
        try:
            self._kube.create(volume)
        except ApiError as problem:
            if problem.status != 409:
                log.warning("volume for %s/%s: %s", meta["namespace"], meta["name"], problem)


def _volume_name(claim: Obj) -> str:
    return f"pvc-{claim['metadata']['uid']}"


def _wants_volume(world: World, claim: Obj) -> bool:
    storage = world.get("StorageClass", "", claim["spec"].get("storageClassName") or "-")
    if not storage or storage["provisioner"] != PROVISIONER:
        return False
    if claim["spec"].get("volumeName") or claim["metadata"].get("deletionTimestamp"):
        return False
    notes = claim["metadata"].get("annotations") or {}
    late = storage.get("volumeBindingMode") == "WaitForFirstConsumer"
    if late and "volume.kubernetes.io/selected-node" not in notes:
        return False
    return world.get("PersistentVolume", "", _volume_name(claim)) is None
