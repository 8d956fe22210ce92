"""Setting the stage for a trial, and clearing it away."""

from __future__ import annotations

import contextlib
import logging

from lab import apps
from lab.cluster import LabError
from lab.kube import ApiError
from lab.objects import KINDS, Obj
from lab.scenario.differences import essence
from lab.scenario.steps import perform
from lab.scenario.trial import Trial, TrialFailed
from lab.software import clear_software, set_software

log = logging.getLogger(__name__)
_MAY_BLOCK = ("Pod", "Job", "PersistentVolumeClaim", "ConfigMap")


def begin(trial: Trial, settle: float) -> None:
    """Place the application, prepare it, and take the baseline once it has been healthy for a while."""
    set_software(trial.cluster.home, trial.ns, trial.software)
    own = trial.scenario.baseline
    replaced = {trial.ref(obj) for obj in own}
    manifests = [obj for obj in trial.manifests if trial.ref(obj) not in replaced]
    apps.place(trial.kube, trial.ns, [_namespace(trial), *manifests, *own])
    for step in trial.scenario.prepare:
        perform(trial, step)
    if trial.wait(["healthy()"], 60 + settle, settle) is None:
        raise TrialFailed("the application never became healthy:")
    trial.take_baseline()


def _namespace(trial: Trial) -> Obj:
    labels = {"team": trial.scenario.app}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": trial.ns, "labels": labels}}


def end(trial: Trial) -> None:
    """Remove everything that the trial brought into the cluster."""
    for step in trial.scenario.cleanup:
        try:
            perform(trial, step)
        except (ApiError, TrialFailed, LabError) as problem:
            log.warning("%s: cleanup: %s", trial.scenario.name, problem)
    for obj in [obj for kind in _MAY_BLOCK for obj in trial.objects(kind)]:
        _unblock(trial, obj)
    for kind in [kind for kind, where in KINDS.items() if not where.namespaced]:
        for obj in trial.observer.store.all(kind):
            if obj["metadata"]["name"].startswith(trial.ns):
                trial.kube.delete(kind, None, obj["metadata"]["name"])
    if trial.scenario.exclusive and trial.origin:
        _restore_nodes(trial)
    clear_software(trial.cluster.home, trial.ns)


def _unblock(trial: Trial, obj: Obj) -> None:
    """A finalizer that a fault has set must not keep the namespace for ever."""
    meta = obj["metadata"]
    if meta.get("finalizers"):
        with contextlib.suppress(ApiError):
            body = {"metadata": {"finalizers": None}}
            trial.kube.patch(obj["kind"], meta["namespace"], meta["name"], body, "merge")


def _restore_nodes(trial: Trial) -> None:
    for node in trial.kube.list("Node"):
        old = trial.origin.get(trial.ref(node))
        if old is None:
            trial.kube.delete("Node", None, node["metadata"]["name"])
        elif essence(old) != essence(node):
            trial.kube.restore(old)
