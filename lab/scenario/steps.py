"""Carrying out the steps of a scenario."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Any

from lab import apps
from lab.kube import ApiError
from lab.objects import KINDS, Obj, app_of, timestamp
from lab.scenario import model
from lab.scenario.differences import RESTARTED
from lab.scenario.trial import Trial, TrialFailed

_CONFLICTS = 5


def perform(trial: Trial, step: model.Step) -> None:
    """Carry out one step; returns when the API server has taken it (or the wait is over)."""
    _PERFORMERS[type(step)](trial, step)


def _apply(trial: Trial, step: model.Apply) -> None:
    apps.place(trial.kube, trial.ns, step.apply)


def _patch(trial: Trial, step: model.Patch) -> None:
    body, how = step.body()
    for ref in step.patch:
        trial.kube.patch(*_parts(trial, ref), body, how)


def _delete(trial: Trial, step: model.Delete) -> None:
    for ref in step.delete:
        trial.kube.delete(*_parts(trial, ref), grace=step.grace)


def _restore(trial: Trial, step: model.Restore) -> None:
    for ref in step.restore:
        if ref not in trial.base:
            raise TrialFailed(f"{ref} is not in the baseline: nothing to restore")
        _put_back(trial, trial.base[ref])


def _put_back(trial: Trial, old: Obj) -> None:
    """Controllers write too: when one of them was faster, the object is read and written again."""
    for left in reversed(range(_CONFLICTS)):
        try:
            return trial.kube.restore(old)
        except ApiError as problem:
            if problem.status != 409 or not left:
                raise


def _restart(trial: Trial, step: model.Restart) -> None:
    mark = {"spec": {"template": {"metadata": {"annotations": {RESTARTED: timestamp()}}}}}
    for ref in step.restart:
        trial.kube.patch(*_parts(trial, ref), mark)


def _wait(trial: Trial, step: model.Wait) -> None:
    if trial.wait(step.wait, step.limit) is None:
        raise TrialFailed(f"never true: {trial.unmet}")


def _sleep(trial: Trial, step: model.Sleep) -> None:
    trial.observer.pause(step.sleep)


def _nodes(trial: Trial, step: model.Nodes) -> None:
    known = [n["metadata"]["name"] for n in trial.kube.list("Node")]
    _patch_nodes(trial, known if step.nodes == ["all"] else step.nodes, step.merge)


def _nodes_of(trial: Trial, step: model.NodesOf) -> None:
    pods = [p for p in trial.kube.list("Pod", trial.ns) if app_of(p) == step.nodes_of]
    _patch_nodes(trial, sorted({p["spec"]["nodeName"] for p in pods if "nodeName" in p["spec"]}), step.merge)


def _patch_nodes(trial: Trial, names: list[str], body: Obj) -> None:
    for name in names:
        trial.kube.patch("Node", None, name, body, "merge")


def _zone_down(trial: Trial, step: model.ZoneDown) -> None:
    trial.cluster.process(f"kwok-{step.zone_down}").send(signal.SIGSTOP)


def _zone_up(trial: Trial, step: model.ZoneUp) -> None:
    trial.cluster.process(f"kwok-{step.zone_up}").send(signal.SIGCONT)


def _parts(trial: Trial, ref: str) -> tuple[str, str | None, str]:
    """Kind, namespace and name."""
    kind, *rest = ref.split("/")
    home = rest[0] if len(rest) == 2 else trial.ns
    return kind, home if KINDS[kind].namespaced else None, rest[-1]


def _delete_pods(trial: Trial, step: model.DeletePods) -> None:
    for pod in trial.kube.list("Pod", trial.ns):
        meta = pod["metadata"]
        if app_of(pod) in step.delete_pods and (not step.terminating or meta.get("deletionTimestamp")):
            trial.kube.delete("Pod", trial.ns, meta["name"], step.grace)


def _run_job(trial: Trial, step: model.RunJob) -> None:
    cron = trial.kube.get("CronJob", trial.ns, step.run_job)
    if cron is None:
        raise TrialFailed(f"there is no CronJob/{step.run_job} to run")
    owner = {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "name": step.run_job,
        "uid": cron["metadata"]["uid"],
        "controller": True,
    }
    trial.kube.create(
        {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "spec": cron["spec"]["jobTemplate"]["spec"],
            "metadata": {
                "name": step.as_ or f"{step.run_job}-manual",
                "namespace": trial.ns,
                "ownerReferences": [owner],
            },
        }
    )


# The parameter types differ from step to step, which no dict type can say.
_PERFORMERS: dict[type[object], Callable[[Trial, Any], None]] = {
    model.Apply: _apply,
    model.Patch: _patch,
    model.Delete: _delete,
    model.DeletePods: _delete_pods,
    model.Restore: _restore,
    model.Restart: _restart,
    model.Nodes: _nodes,
    model.NodesOf: _nodes_of,
    model.ZoneDown: _zone_down,
    model.ZoneUp: _zone_up,
    model.RunJob: _run_job,
    model.Wait: _wait,
    model.Sleep: _sleep,
}
