"""One pod: advance its containers, and tell the API server when the picture has changed."""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass, field

from lab.case import Fate
from lab.kube import Kube
from lab.kubelet.container import ContainerRunner, Outcome, waiting
from lab.kubelet.events import EventWriter
from lab.kubelet.memory import ContainerMemory
from lab.objects import Obj, dig, is_ready, timestamp
from lab.settings import Settings
from lab.world import World

_NOT_STARTED = Fate("wait")


@dataclass
class PodMemory:
    """What the kubelet remembers about a pod."""

    containers: dict[str, ContainerMemory] = field(default_factory=dict)
    ip: str = ""
    reported: str = ""
    killing: bool = False


class Addresses:
    """Pod IPs, each used once, from ranges that belong to nobody else in the lab."""

    def __init__(self) -> None:
        self._next = itertools.count()

    def take(self) -> str:
        """The next free address."""
        number = next(self._next)
        block, host = divmod(number, 250)
        return f"10.{200 + block // 250 % 50}.{block % 250}.{host + 1}"


class PodKeeper:
    """Runs pods; `sync` is told about one pod at a time and says whether it can be left alone."""

    def __init__(self, kube: Kube, events: EventWriter, settings: Settings) -> None:
        self.kube, self.events, self.settings = kube, events, settings
        self.memory: dict[str, PodMemory] = {}
        self._addresses = Addresses()
        self._taken: set[str] = set()

    def sync(self, world: World, pod: Obj) -> bool:
        """Advance a pod. True: nothing happens to it until something in the cluster changes."""
        memory = self._remember(pod)
        if pod["metadata"].get("deletionTimestamp"):
            self._end(pod, memory)
            return False
        if dig(pod, "status.phase") in ("Succeeded", "Failed"):
            return True
        outcomes = self._advance(world, pod, memory)
        status, settled = self._picture(pod, memory, *outcomes)
        self._report(pod, memory, status)
        return settled

    def forget(self, alive: set[str]) -> None:
        """Drop the memory of pods that are gone."""
        gone = self.memory.keys() - alive
        for uid in gone:
            del self.memory[uid]
        if gone:
            self.events.forget(gone)

    def _remember(self, pod: Obj) -> PodMemory:
        uid = pod["metadata"]["uid"]
        if uid in self.memory:
            return self.memory[uid]
        memory = self.memory[uid] = PodMemory(ip=dig(pod, "status.podIP", ""))
        self._taken.add(memory.ip)
        known = dig(pod, "status.containerStatuses", []) + dig(pod, "status.initContainerStatuses", [])
        statuses = {status["name"]: status for status in known}
        for container in (pod["spec"].get("initContainers") or []) + pod["spec"]["containers"]:
            name = container["name"]
            memory.containers[name] = ContainerMemory.from_status(statuses.get(name))
        return memory

    def _end(self, pod: Obj, memory: PodMemory) -> None:
        meta = pod["metadata"]
        if not memory.killing and self.settings.routine_events:
            for container in pod["spec"]["containers"]:
                self.events.post(pod, "Normal", "Killing", f"Stopping container {container['name']}")
        memory.killing = True
        # With grace 0 a pod that is still there waits for its finalizers, which are not the kubelet's.
        if meta.get("deletionGracePeriodSeconds", 0) > 0 or not meta.get("finalizers"):
            self.kube.delete("Pod", meta["namespace"], meta["name"], 0, meta["uid"])

    def _advance(
        self, world: World, pod: Obj, memory: PodMemory
    ) -> tuple[list[Outcome], list[Outcome], bool]:
        """Init containers one after the other, then the others together."""
        spec = pod["spec"]
        inits: list[Outcome] = []
        clear = True
        for container in spec.get("initContainers") or []:
            if clear:
                outcome = self._container(world, pod, container, memory, init=True)
                sidecar = container.get("restartPolicy") == "Always"
                clear = outcome.fate.kind == "done" or (sidecar and "running" in outcome.status["state"])
            else:
                outcome = Outcome(waiting(container, "PodInitializing"), _NOT_STARTED)
            inits.append(outcome)
        reason = "PodInitializing" if inits else "ContainerCreating"
        mains = [
            self._container(world, pod, c, memory) if clear else Outcome(waiting(c, reason), _NOT_STARTED)
            for c in spec["containers"]
        ]
        return inits, mains, clear

    def _container(
        self, world: World, pod: Obj, container: Obj, memory: PodMemory, init: bool = False
    ) -> Outcome:
        own = memory.containers.setdefault(container["name"], ContainerMemory())
        return ContainerRunner(world, pod, container, own, self.events, self.settings, init).advance()

    def _picture(
        self, pod: Obj, memory: PodMemory, inits: list[Outcome], mains: list[Outcome], clear: bool
    ) -> tuple[Obj, bool]:
        """The pod status, and whether the pod has settled."""
        statuses = [o.status for o in mains]
        ready = clear and all(s["ready"] for s in statuses)
        phase = _phase(pod, statuses, clear)
        status: Obj = {
            "phase": phase,
            "hostIP": "127.0.0.1",
            "containerStatuses": statuses,
            "hostIPs": [{"ip": "127.0.0.1"}],
            "conditions": _conditions(statuses, phase, clear, ready),
        }
        if inits:
            status["initContainerStatuses"] = [o.status for o in inits]
        if clear:
            memory.ip = memory.ip or self._address()
            status.update(podIP=memory.ip, podIPs=[{"ip": memory.ip}])
        return status, all(o.quiet for o in inits + mains)

    def _address(self) -> str:
        while (address := self._addresses.take()) in self._taken:
            pass
        return address

    def _report(self, pod: Obj, memory: PodMemory, status: Obj) -> None:
        """Write the status if it is news, or if somebody else (the node controller) has overruled it."""
        picture = json.dumps(status, sort_keys=True)
        ready = any(c["type"] == "Ready" and c["status"] == "True" for c in status["conditions"])
        same = dig(pod, "status.phase") == status["phase"] and is_ready(pod) == ready
        if picture == memory.reported and same:
            return
        old = {c["type"]: c for c in dig(pod, "status.conditions", [])}
        for condition in status["conditions"]:
            before = old.get(condition["type"], {})
            kept = before.get("lastTransitionTime") if before.get("status") == condition["status"] else None
            condition["lastTransitionTime"] = kept or timestamp()
        body = {**status, "startTime": dig(pod, "status.startTime") or timestamp()}
        meta = pod["metadata"]
        self.kube.patch("Pod", meta["namespace"], meta["name"], {"status": body}, "strategic", "/status")
        memory.reported = picture


def _phase(pod: Obj, statuses: list[Obj], clear: bool) -> str:
    ended = [s["state"]["terminated"]["exitCode"] for s in statuses if "terminated" in s["state"]]
    if statuses and len(ended) == len(statuses):
        return "Failed" if any(ended) else "Succeeded"
    started = any(
        "running" in s["state"] or "terminated" in s["state"] or s["restartCount"] for s in statuses
    )
    return "Running" if clear and started else "Pending"


def _conditions(statuses: list[Obj], phase: str, clear: bool, ready: bool) -> list[Obj]:
    unready = [s["name"] for s in statuses if not s["ready"]]
    if phase == "Succeeded":
        why: Obj = {"reason": "PodCompleted", "message": None}
    else:
        why = {
            "reason": "ContainersNotReady",
            "message": f"containers with unready status: [{' '.join(unready)}]",
        }
    truths = {
        "PodReadyToStartContainers": clear,
        "Initialized": clear,
        "ContainersReady": ready,
        "Ready": ready,
    }
    cleared: Obj = {"reason": None, "message": None}
    return [
        {
            "type": kind,
            "status": "True" if good else "False",
            **(why if not good and kind.endswith("Ready") else cleared),
        }
        for kind, good in truths.items()
    ]
