"""One scenario in a namespace of its own, whose name says nothing about the fault."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable
from pathlib import Path

from lab import apps
from lab.objects import KINDS, Obj
from lab.scenario.differences import differences, not_allowed
from lab.scenario.expressions import Expressions
from lab.scenario.model import Scenario, load_scenario
from lab.scenario.observer import Observer
from lab.software import merged

_POLL = 0.5


class TrialFailed(Exception):
    """The trial could not be judged, or the fault did not behave as its scenario says."""


class Trial:
    """The state of one trial: what it placed, what it compares with, what it saw."""

    def __init__(self, observer: Observer, file: Path, folder: Path | None = None) -> None:
        self.observer, self.kube, self.cluster = observer, observer.kube, observer.cluster
        app = load_scenario(file).app
        self.ns = f"{app}-{uuid.uuid4().hex[:4]}"
        observer.namespaces.add(self.ns)
        self.scenario: Scenario = load_scenario(file, self.ns)
        folders = [f for f in (folder, file.resolve().parent.parent / "apps") if f]
        self.manifests, software = apps.load(app, self.ns, folders)
        self.software = merged(software, self.scenario.software)
        self.base: dict[str, Obj] = {}
        """What the judge compares with."""
        self.origin: dict[str, Obj] = {}
        """What was there before the fault."""
        self.known: set[str] = set()
        """The uids of pods and jobs that were there when the engine was called."""
        self.unmet: list[str] = []
        """What was not true when the last wait gave up."""

    # ------------------------------------------------------------------ looking

    def untrue(self, expressions: Iterable[str]) -> list[str]:
        """The expressions that do not hold now."""
        world = self.observer.world(self.ns, self.software)
        return Expressions(world, self.ns, self.base, self.known).untrue(expressions)

    def wait(self, expressions: list[str], limit: float, hold: float = 0) -> float | None:
        """Wait until all are true and stay so for `hold` seconds; since when, or None if they never did."""
        end, since = time.monotonic() + limit, None
        while True:
            if self.observer.halted.is_set():
                raise TrialFailed("broken off")
            seen, moment = self.observer.store.total, time.monotonic()
            self.unmet = self.untrue(expressions)
            since = None if self.unmet else since or moment
            if since is not None and moment - since >= hold:
                return since
            if moment > end:
                self.unmet = self.unmet or ["not for long enough"]
                return None
            self.observer.store.wait(seen, _POLL)
            time.sleep(0.1)

    def others(self) -> set[str]:
        """The namespaces of the trials beside this one."""
        return self.observer.namespaces - {self.ns}

    def objects(self, kind: str) -> list[Obj]:
        """What there is of a kind in the trial's namespace."""
        return self.observer.store.all(kind, self.ns)

    def uids(self, *kinds: str) -> set[str]:
        """The identities of what there is."""
        return {obj["metadata"]["uid"] for kind in kinds for obj in self.objects(kind)}

    def differences(self) -> list[str]:
        """What differs from the baseline although it should not, read from the API server now."""
        scenario, now = self.scenario, self._snapshot()
        allowed = list(scenario.allowed_changes)
        if not scenario.control or scenario.hpa_scales:
            scaled = {
                hpa["spec"]["scaleTargetRef"]["name"] for hpa in self.objects("HorizontalPodAutoscaler")
            }
            allowed += [f"Deployment/{name}:spec.replicas*" for name in scaled]
        return not_allowed(differences(self.base, now, strict=scenario.control), allowed)

    def _snapshot(self) -> dict[str, Obj]:
        return {self.ref(obj): obj for obj in self.observer.fresh() if self._guarded(obj)}

    def ref(self, obj: Obj) -> str:
        """`Kind/name`, or `Kind/namespace/name` for what is not in the trial's namespace."""
        meta = obj["metadata"]
        home = meta.get("namespace", self.ns)
        return f"{obj['kind']}/{'' if home == self.ns else home + '/'}{meta['name']}"

    def _guarded(self, obj: Obj) -> bool:
        """Is a change of this object a collateral of this trial?"""
        kind, meta = obj["kind"], obj["metadata"]
        name, namespace = meta["name"], meta.get("namespace", "")
        match kind:
            case "Pod" | "Job" if meta.get("ownerReferences"):
                return False
            case "ConfigMap" if name == "kube-root-ca.crt":
                return False
            case "ServiceAccount" if name == "default":
                return False
            case "Namespace":
                return name.startswith(self.ns) or name in ("default", "kube-system")
            case "Node":
                return self.scenario.exclusive
            case "PersistentVolume" if name.startswith("pvc-"):
                return False
        if KINDS[kind].namespaced:
            return bool(namespace.startswith(self.ns) or namespace == "default")
        return bool(name.startswith(self.ns) or kind == "StorageClass")

    def take_baseline(self) -> None:
        """From now on this is what the judge compares with."""
        self.base = self._snapshot()
        self.origin = self.origin or self.base
        self.known = self.uids("Pod", "Job")
