"""The kubelet's loop: look at every pod that may have something to do, twice a second or when things change.

A pod whose containers all run well cannot change unless something in its namespace, something cluster-wide
or the description of its software does. Such pods are skipped, so an idle cluster costs next to nothing.
"""

from __future__ import annotations

import logging
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from lab.access import RBAC_KINDS, AccessChecker
from lab.kube import ApiError, Kube
from lab.kubelet.events import EventWriter
from lab.kubelet.memory import ContainerMemory
from lab.kubelet.pods import PodKeeper
from lab.kubelet.server import serve
from lab.kubelet.volumes import Provisioner
from lab.objects import Obj, is_ready
from lab.settings import Settings
from lab.software import SoftwareFiles
from lab.store import Reflector, Store
from lab.world import World

log = logging.getLogger(__name__)
_KINDS = (
    "Pod",
    "Node",
    "Service",
    "ConfigMap",
    "Secret",
    "NetworkPolicy",
    "PersistentVolumeClaim",
    "PersistentVolume",
    "StorageClass",
    "Namespace",
    *RBAC_KINDS,
)
_Stamp = tuple[int, int, int]


class Kubelet:
    """All fake nodes' kubelet in one process."""

    def __init__(self, home: Path) -> None:
        self.home, self.settings = home, Settings.load(home)
        self.store = Store()
        self.kube = Kube(home / "system.kubeconfig", "kubelet", on_write=self._take_in)
        self.software = SoftwareFiles(home)
        self.events = EventWriter(self.kube, self.settings.event_repeat)
        self.keeper = PodKeeper(self.kube, self.events, self.settings)
        self.provisioner = Provisioner(self.kube)
        self.access = AccessChecker(self.kube, self.store)
        self._settled: dict[str, _Stamp] = {}
        self._pool = ThreadPoolExecutor(self.settings.workers, "pod")

    def run(self, port: int) -> None:
        """Run until the process is ended."""
        Reflector(self.kube, self.store, _KINDS).start()
        self.events.start()
        pki = self.home / "pki"
        serve(port, pki / "kubelet.crt", pki / "kubelet.key", self.world, self._container)
        while True:
            seen = self.store.total
            try:
                self.sweep()
            except Exception as problem:  # whatever happens to the cluster, the nodes go on
                log.warning("%r", problem)
            self.store.wait(seen, self.settings.tick)
            time.sleep(self.settings.gather)

    def world(self) -> World:
        """The world right now."""
        return World(self.store, self.software.by_namespace, self.access)

    def sweep(self) -> None:
        """One look at everything."""
        self.software.refresh()
        world, pods = self.world(), self.store.all("Pod")
        alive = {n["metadata"]["name"] for n in self.store.all("Node") if is_ready(n)}
        due = [p for p in pods if p["spec"].get("nodeName") in alive and not self._is_settled(p)]
        list(self._pool.map(lambda pod: self._sync(world, pod), due))
        self.provisioner.sync(world)
        self._forget({p["metadata"]["uid"] for p in pods})

    def _stamp(self, pod: Obj) -> _Stamp:
        return self.store.changes(pod["metadata"]["namespace"]), self.store.changes(""), self.software.version

    def _is_settled(self, pod: Obj) -> bool:
        return self._settled.get(pod["metadata"]["uid"]) == self._stamp(pod)

    def _sync(self, world: World, pod: Obj) -> None:
        stamp, meta = self._stamp(pod), pod["metadata"]
        try:
            if self.keeper.sync(world, pod):
                self._settled[meta["uid"]] = stamp
        except ApiError as problem:
            if problem.status not in (404, 409):
                log.warning("pod %s/%s: %s", meta["namespace"], meta["name"], problem)
        except Exception as problem:  # one odd pod must not stop the others
            log.warning("pod %s/%s: %r", meta["namespace"], meta["name"], problem)

    def _forget(self, alive: set[str]) -> None:
        if self.keeper.memory.keys() - alive:
            self.keeper.forget(alive)
            self._settled = {uid: stamp for uid, stamp in self._settled.items() if uid in alive}

    def _take_in(self, obj: Obj) -> None:
        if obj.get("kind") in ("Pod", "PersistentVolume"):
            self.store.put(obj)

    def _container(self, namespace: str, pod: str, container: str) -> ContainerMemory | None:
        found = self.store.get("Pod", namespace, pod)
        memory = self.keeper.memory.get(found["metadata"]["uid"]) if found else None
        return memory.containers.get(container) if memory else None
