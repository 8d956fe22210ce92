"""One container's way through waiting, running, crashing and done, as its status tells it."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass

from lab.case import Boot, Case, Fate
from lab.fate import decide
from lab.inputs import MissingInput, environment, mounted_files
from lab.kubelet.events import EventWriter
from lab.kubelet.memory import ContainerMemory, ended
from lab.objects import Obj, app_of
from lab.rules import rules_of
from lab.settings import Settings
from lab.world import World

WAITING, COMPLETED = Fate("wait"), Fate("done", "Completed", "", 0)


@dataclass
class Outcome:
    """A container status, the fate behind it, and whether it can change only when the cluster does."""

    status: Obj
    fate: Fate
    quiet: bool = False


def waiting(container: Obj, reason: str, message: str = "") -> Obj:
    """The status of a container that has not started."""
    state = {"reason": reason, **({"message": message} if message else {})}
    return {
        "name": container["name"],
        "image": container["image"],
        "imageID": "",
        "ready": False,
        "started": False,
        "restartCount": 0,
        "state": {"waiting": state},
    }


class ContainerRunner:
    """Advances one container of one pod by one look at the world."""

    def __init__(
        self,
        world: World,
        pod: Obj,
        container: Obj,
        memory: ContainerMemory,
        events: EventWriter,
        settings: Settings,
        init: bool = False,
    ) -> None:
        self.world, self.pod, self.container, self.memory = world, pod, container, memory
        self.events, self.settings, self.init = events, settings, init
        self.sidecar = init and container.get("restartPolicy") == "Always"
        self.now = time.time()

    def advance(self) -> Outcome:
        """What the container does now."""
        memory = self.memory
        if memory.done:
            return self._done()
        if memory.boot is None and memory.last and self.now < memory.retry_at:
            return Outcome(self._status(self._after_crash()), memory.last)
        starting = memory.boot is None and not memory.started
        boot = memory.boot
        if boot is None:
            try:
                boot = self._inputs()
            except MissingInput as problem:
                return self._without_input(problem)
        boot.age = self.now - memory.started if memory.started else 0.0
        boot.restarts = memory.restarts
        fate = decide(Case(self.world, self.pod, self.container, boot, starting))
        return self._become(fate, boot)

    def _become(self, fate: Fate, boot: Boot) -> Outcome:
        if fate.kind == "wait":
            return self._cannot_start(fate)
        if fate.kind == "crash":
            return self._crash(fate)
        if self.memory.boot is None:
            self._start(boot)
        if fate.kind == "done" or (fate.kind == "ok" and self.init and not self.sidecar):
            return self._done()
        return self._run(fate)

    # ------------------------------------------------------------------ before it runs

    def _inputs(self) -> Boot:
        namespace = self.pod["metadata"]["namespace"]
        files = mounted_files(self.world, namespace, self.pod["spec"], self.container)
        return Boot(environment(self.world, namespace, self.container, self.pod), files)

    def _without_input(self, problem: MissingInput) -> Outcome:
        if problem.mount:
            self._event("Warning", "FailedMount", str(problem))
            first = (
                "PodInitializing"
                if self.pod["spec"].get("initContainers") and not self.init
                else "ContainerCreating"
            )
            return Outcome(self._status({"waiting": {"reason": first}}), WAITING)
        return self._cannot_start(Fate("wait", "CreateContainerConfigError", str(problem)))

    def _cannot_start(self, fate: Fate) -> Outcome:
        image = self.container["image"]
        if fate.reason == "ImagePullBackOff":
            why = fate.message.partition("ErrImagePull: ")[2] or fate.message
            self._event("Warning", "Failed", f'Failed to pull image "{image}": {why}')
            self._event("Warning", "Failed", "Error: ErrImagePull")
            self._event("Normal", "BackOff", f'Back-off pulling image "{image}"')
            self._event("Warning", "Failed", "Error: ImagePullBackOff")
        else:
            self._event("Warning", "Failed", f"Error: {fate.message}")
        return Outcome(self._status({"waiting": {"reason": fate.reason, "message": fate.message}}), fate)

    # ------------------------------------------------------------------ running and ending

    def _start(self, boot: Boot) -> None:
        memory, name, image = self.memory, self.container["name"], self.container["image"]
        memory.boot = boot
        if not memory.started:
            memory.started = self.now
            memory.log.begin()
            memory.log.write(f"{name} started")
            if self.settings.routine_events:
                self._event("Normal", "Pulled", f'Container image "{image}" already present on machine')
                self._event("Normal", "Created", f"Container created: {name}")
            self._event("Normal", "Started", f"Container started: {name}")

    def _run(self, fate: Fate) -> Outcome:
        if fate.message:
            self._complain(fate)
        status = self._status({"running": {"startedAt": ended(fate, (self.memory.started, 0))["startedAt"]}})
        status.update(ready=fate.kind == "ok", started=True)
        return Outcome(status, fate, quiet=fate.kind == "ok" and not self._restless())

    def _restless(self) -> bool:
        """Can this container's fate change although no object does: by time, or by a late RBAC answer?"""
        namespace, name = self.pod["metadata"]["namespace"], self.container["name"]
        program = self.world.program(namespace, app_of(self.pod), name)
        return (
            bool(rules_of(self.world, self.pod, self.container))
            or bool(program.get("rbac"))
            or self.pod["spec"].get("restartPolicy", "Always") != "Always"
        )

    def _complain(self, fate: Fate) -> None:
        by_probe = "probe failed" in fate.message
        if not by_probe:
            self.memory.log.write(fate.message)
        if self.container.get("readinessProbe"):
            self._event(
                "Warning",
                "Unhealthy",
                fate.message
                if by_probe
                else "Readiness probe failed: HTTP probe failed with statuscode: 503",
            )

    def _crash(self, fate: Fate) -> Outcome:
        memory, name, pod = self.memory, self.container["name"], self.pod["metadata"]
        if memory.boot is None:
            memory.log.begin()
        if "probe failed" in fate.message:
            self._event("Warning", "Unhealthy", fate.message)
            self._event("Normal", "Killing", f"Container {name} failed liveness probe, will be restarted")
        elif fate.reason != "StartError":
            memory.log.write(fate.message or f"{name} started")
        else:
            self._event("Warning", "Failed", f"Error: failed to create containerd task: {fate.message}")
        self._event(
            "Warning",
            "BackOff",
            f"Back-off restarting failed container {name} in pod "
            f"{pod['name']}_{pod['namespace']}({pod['uid']})",
        )
        memory.last_ran = (memory.started or self.now, self.now)
        memory.boot, memory.started, memory.last = None, 0.0, fate
        if self._never_again():
            memory.retry_at = float("inf")
        else:
            memory.retry_at = self.now + self.settings.back_off(memory.restarts)
            memory.restarts += 1
        return Outcome(self._status(self._after_crash()), fate)

    def _never_again(self) -> bool:
        return self.pod["spec"].get("restartPolicy") == "Never" and not self.sidecar

    def _done(self) -> Outcome:
        memory = self.memory
        if not memory.done:
            memory.done, memory.last_ran = True, (memory.started, self.now)
        status = self._status({"terminated": ended(COMPLETED, memory.last_ran)})
        status["ready"] = self.init
        return Outcome(status, COMPLETED, quiet=True)

    # ------------------------------------------------------------------ statuses

    def _status(self, state: Obj) -> Obj:
        memory = self.memory
        status = {**waiting(self.container, ""), "restartCount": memory.restarts, "state": state}
        if memory.last and memory.restarts:
            status["lastState"] = {"terminated": ended(memory.last, memory.last_ran)}
        if "waiting" not in state or memory.restarts:
            status["imageID"] = _digest(self.container["image"])
        return status

    def _after_crash(self) -> Obj:
        memory, pod = self.memory, self.pod["metadata"]
        if self._never_again() and memory.last:
            return {"terminated": ended(memory.last, memory.last_ran)}
        delay = self.settings.back_off(memory.restarts - 1)
        return {
            "waiting": {
                "reason": "CrashLoopBackOff",
                "message": f"back-off {delay:.0f}s restarting failed container={self.container['name']} "
                f"pod={pod['name']}_{pod['namespace']}({pod['uid']})",
            }
        }

    def _event(self, kind: str, reason: str, message: str) -> None:
        self.events.post(self.pod, kind, reason, message)


def _digest(image: str) -> str:
    return f"{image.rpartition(':')[0] or image}@sha256:{hashlib.sha256(image.encode()).hexdigest()}"
