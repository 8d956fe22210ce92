"""What the judge sees: a watched copy of the cluster for waiting, and a fresh reading for the verdict."""

from __future__ import annotations

import threading

from lab.access import RBAC_KINDS, AccessChecker
from lab.cluster import LabCluster
from lab.kube import Kube
from lab.objects import KINDS, Obj
from lab.store import Reflector, Store
from lab.world import World

# Derived objects, and those that the control plane keeps to itself, are nobody's collateral.
GUARDED = tuple(
    kind
    for kind in KINDS
    if kind
    not in {
        "Event",
        "ReplicaSet",
        "ControllerRevision",
        "EndpointSlice",
        "Lease",
        "APIService",
        "ClusterRole",
        "ClusterRoleBinding",
        "CustomResourceDefinition",
    }
)


class Observer:
    """One for all trials of a run."""

    def __init__(self, cluster: LabCluster) -> None:
        self.cluster = cluster
        self.store = Store()
        # What the judge writes is seen at once: a wait that follows a step must not see the time before.
        self.kube = Kube(cluster.kubeconfig, "kubectl", on_write=self.store.put, on_delete=self.store.drop)
        self.access = AccessChecker(self.kube, self.store)
        self.halted = threading.Event()
        """Set when the run is broken off: no trial waits for anything any more."""
        self.namespaces: set[str] = set()
        """Of all trials of this run."""
        self._reflector = Reflector(self.kube, self.store, (*GUARDED, "Event", *RBAC_KINDS[2:]))

    def start(self) -> None:
        """Begin to watch."""
        self._reflector.start()

    def stop(self) -> None:
        """Let go of the cluster."""
        self._reflector.stop()

    def pause(self, seconds: float) -> None:
        """Let time pass, unless the run is broken off."""
        self.halted.wait(seconds)

    def world(self, namespace: str, software: Obj) -> World:
        """The watched cluster, with what the programs of this namespace need."""
        return World(self.store, {namespace: software}, self.access)

    def fresh(self) -> list[Obj]:
        """Every guarded object, read now."""
        return [obj for kind in GUARDED for obj in self.kube.list(kind)]
