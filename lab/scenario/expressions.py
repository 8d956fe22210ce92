"""The language of symptoms and oracles: Python expressions over one trial's namespace.

Expressions are code of the lab's own, trusted files. They are evaluated with the names below and next to no
builtins: not as a sandbox, but so that a scenario means the same wherever it runs.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from types import CodeType
from typing import Any

from lab.apps import bound, rolled_out
from lab.case import Boot, Case
from lab.fate import decide
from lab.inputs import MissingInput, environment, mounted_files
from lab.network import reach
from lab.objects import Obj, dig, is_ready, quantity, timestamp
from lab.scenario.differences import essence
from lab.world import World

_BUILTINS = {
    "any": any,
    "all": all,
    "len": len,
    "int": int,
    "str": str,
    "sum": sum,
    "min": min,
    "max": max,
    "sorted": sorted,
    "set": set,
}
_NAMES = (
    "healthy",
    "available",
    "storage",
    "traffic",
    "reach",
    "ingress",
    "same",
    "obj",
    "val",
    "objs",
    "pods",
    "waiting",
    "last_exit",
    "pending",
    "event",
    "would_run",
    "job_ok",
    "env",
)


@functools.lru_cache(maxsize=1024)
def _compiled(expression: str) -> CodeType:
    return compile(expression, "<expression>", "eval")


class Expressions:
    """Evaluates expressions about a namespace; `base` is the baseline, `known` the uids of former jobs."""

    def __init__(self, world: World, ns: str, base: Mapping[str, Obj], known: Iterable[str] = ()) -> None:
        self.world, self.ns, self.base, self.known = world, ns, base, set(known)
        functions: dict[str, Callable[..., Any]] = {name: getattr(self, name) for name in _NAMES}
        self._scope: dict[str, Any] = {
            **functions,
            **_BUILTINS,
            "ns": ns,
            "base": base,
            "dig": dig,
            "quantity": quantity,
            "is_ready": is_ready,
            "now": timestamp,
            "__builtins__": {},
        }

    def untrue(self, expressions: Iterable[str]) -> list[str]:
        """The expressions that do not hold now."""
        return [e for e in expressions if not eval(_compiled(e), dict(self._scope))]  # noqa: S307 (trusted files)

    # ------------------------------------------------------------------ objects

    def obj(self, ref: str) -> Obj | None:
        """The object, or None."""
        kind, *rest = ref.split("/")
        return self.world.get(kind, rest[0] if len(rest) == 2 else self.ns, rest[-1])

    def val(self, ref: str, path: str, default: Any = None) -> Any:
        """A value in an object."""
        return dig(self.obj(ref), path, default)

    def objs(self, kind: str, ns: str | None = None) -> list[Obj]:
        """All objects of a kind, in the trial's namespace unless told."""
        return self.world.all(kind, self.ns if ns is None else ns)

    def pods(self, app: str | None = None) -> list[Obj]:
        """The pods of a program, or all."""
        return self.world.pods(self.ns, app)

    def env(self, container: Obj) -> dict[str, str]:
        """What a container would see as its environment."""
        return environment(self.world, self.ns, container)

    def same(self, ref: str, path: str = "") -> bool:
        """Is the object (or a part of it) what it was in the baseline?"""
        old, new = self.base.get(ref), self.obj(ref)
        if not old or not new or new["metadata"].get("deletionTimestamp"):
            return False
        before, after = essence(old), essence(new)
        return bool(dig(before, path) == dig(after, path) if path else before == after)

    # ------------------------------------------------------------------ health

    def healthy(self) -> bool:
        """Everything runs, is stored and can be reached."""
        return self.available() and self.storage() and self.traffic()

    def available(self, name: str | None = None) -> bool:
        """Is every replica of the workloads (of this name) updated, ready and available?"""
        found = [
            w
            for kind in ("Deployment", "StatefulSet")
            for w in self.objs(kind)
            if name in (None, w["metadata"]["name"])
        ]
        return bool(found) and all(map(rolled_out, found))

    def storage(self) -> bool:
        """Is every claim bound, and none being deleted?"""
        return all(map(bound, self.objs("PersistentVolumeClaim")))

    def traffic(self) -> bool:
        """Does every declared dependency answer, and every ingress path lead to a live backend?"""
        software = self.world.software.get(self.ns, {})
        servers = {a: p for a, p in software.items() if isinstance(p, dict) and p.get("completes") is None}
        needs = [(app, target) for app, program in servers.items() for target in program.get("needs") or []]
        routes = software.get("routes") or []
        return all(self.reach(app, target) for app, target in needs) and all(map(self._route_works, routes))

    def _route_works(self, route: str) -> bool:
        host, path, target = route.split(" ")
        return self.ingress(host, path) == target and self.reach("outside", target)

    def reach(self, app: str, target: str) -> bool:
        """Would each ready pod of a program get an answer from `service:port`?"""
        if app == "outside":
            return reach(self.world, self.ns, [], target)
        clients = [p for p in self.pods(app) if is_ready(p)]
        return bool(clients) and reach(self.world, self.ns, clients, target)

    def ingress(self, host: str, path: str) -> str:
        """The `service:port` to which a request is led: the longest path that fits."""
        fitting = [
            entry
            for ing in self.objs("Ingress")
            if ing["spec"].get("ingressClassName") == "nginx"
            for rule in ing["spec"].get("rules") or []
            if rule.get("host") in (None, host)
            for entry in dig(rule, "http.paths", [])
            if _fits(entry, path)
        ]
        if not fitting:
            return ""
        return self._backend(max(fitting, key=lambda entry: len(entry["path"]))["backend"]["service"])

    def _backend(self, backend: Obj) -> str:
        number, name = dig(backend, "port.number"), dig(backend, "port.name")
        if not number:
            ports = self.val(f"Service/{backend['name']}", "spec.ports", [])
            number = next((p["port"] for p in ports if p.get("name") == name), 0)
        return f"{backend['name']}:{number}"

    # ------------------------------------------------------------------ symptoms

    def _statuses(self, app: str, init: bool) -> list[Obj]:
        kinds = ["status.containerStatuses", *(["status.initContainerStatuses"] if init else [])]
        return [status for pod in self.pods(app) for kind in kinds for status in dig(pod, kind, [])]

    def waiting(self, app: str, reason: str) -> bool:
        """Does a container (init containers too) wait for this reason?"""
        return any(dig(s, "state.waiting.reason") == reason for s in self._statuses(app, init=True))

    def last_exit(self, app: str, reason: str) -> bool:
        """Did a container's last run end for this reason?"""
        return any(dig(s, "lastState.terminated.reason") == reason for s in self._statuses(app, init=False))

    def pending(self, app: str) -> bool:
        """Does the scheduler find no node for a pod?"""
        return any(
            c["type"] == "PodScheduled" and c["status"] == "False" and c.get("reason") == "Unschedulable"
            for pod in self.pods(app)
            for c in dig(pod, "status.conditions", [])
        )

    def event(self, reason: str, text: str = "") -> bool:
        """Was there an event with this reason, and this text in its message?"""
        return any(e.get("reason") == reason and text in (e.get("message") or "") for e in self.objs("Event"))

    # ------------------------------------------------------------------ batch

    def would_run(self, ref: str) -> bool:
        """Would a new run of this Job or CronJob complete?"""
        owner = self.obj(ref)
        template = dig(owner, "spec.jobTemplate.spec.template") or dig(owner, "spec.template")
        if not template:
            return False
        spec = template["spec"]
        pod = {
            "metadata": {"name": "probe", "namespace": self.ns, **template.get("metadata", {})},
            "spec": spec,
        }
        account = spec.get("serviceAccountName", "default")
        return self.obj(f"ServiceAccount/{account}") is not None and all(
            self._would_complete(pod, container) for container in spec["containers"]
        )

    def _would_complete(self, pod: Obj, container: Obj) -> bool:
        try:
            boot = Boot(
                environment(self.world, self.ns, container, pod),
                mounted_files(self.world, self.ns, pod["spec"], container),
                age=1e9,
            )
        except MissingInput:
            return False
        return decide(Case(self.world, pod, container, boot)).kind == "done"

    def job_ok(self, prefix: str) -> bool:
        """Has a new job with such a name completed?"""
        return any(
            job["metadata"]["name"].startswith(prefix)
            and dig(job, "status.succeeded", 0)
            and job["metadata"]["uid"] not in self.known
            for job in self.objs("Job")
        )


def _fits(entry: Obj, path: str) -> bool:
    if entry["pathType"] == "Exact":
        return bool(path == entry["path"])
    return f"{path}/".startswith(entry["path"].rstrip("/") + "/")
