"""The webhook that Alertmanager would send about a trial's fault."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable

import urllib3

from lab.objects import Obj, app_of, is_ready, timestamp
from lab.scenario.trial import Trial, TrialFailed

_NEVER = "0001-01-01T00:00:00Z"
_AGAIN = 0.5


def payload(trial: Trial) -> Obj | None:
    """An Alertmanager v4 webhook body; None if the scenario raises no alert."""
    alert = trial.scenario.alert
    if alert is None:
        return None
    labels = {
        "namespace": trial.ns,
        "severity": trial.scenario.severity,
        "prometheus": "monitoring/k8s",
        **alert.labels,
        **_pods(trial, alert.pod_of),
    }
    status = alert.status or "firing"
    one = {
        "status": status,
        "labels": labels,
        "annotations": alert.annotations,
        "startsAt": timestamp(),
        "endsAt": timestamp() if status == "resolved" else _NEVER,
        "generatorURL": "",
        "fingerprint": uuid.uuid4().hex[:16],
    }
    name = {"alertname": labels.get("alertname", "")}
    return {
        "version": "4",
        "groupKey": f'{{}}:{{alertname="{name["alertname"]}"}}',
        "truncatedAlerts": 0,
        "status": status,
        "receiver": "webhook",
        "groupLabels": name,
        "commonLabels": labels,
        "commonAnnotations": alert.annotations,
        "externalURL": "http://alertmanager:9093",
        "alerts": [one],
    }


def _pods(trial: Trial, pod_of: dict[str, str]) -> dict[str, str]:
    """A label with the name of one pod of a program, rather one that is not ready."""
    out = {}
    for label, app in pod_of.items():
        pods = sorted((p for p in trial.kube.list("Pod", trial.ns) if app_of(p) == app), key=is_ready)
        out[label] = pods[0]["metadata"]["name"] if pods else app
    return out


def post(trial: Trial, url: str, patience: float = 0) -> None:
    """Send the alert of a trial to an engine, and again for so many seconds while nobody answers."""
    body = payload(trial)
    if body is None:
        return
    end = time.monotonic() + patience
    while problem := _refused(url, json.dumps(body).encode()):
        if time.monotonic() > end or trial.observer.halted.is_set():
            raise TrialFailed(problem)
        time.sleep(_AGAIN)


def _refused(url: str, body: bytes) -> str:
    """Post once; returns what is wrong, which is nothing if the engine has taken it."""
    headers = {"Content-Type": "application/json"}
    try:
        answer = urllib3.PoolManager().request(
            "POST", url, body=body, timeout=10, headers=headers, retries=False
        )
    except urllib3.exceptions.HTTPError as problem:
        return f"the engine does not take the alert: {problem}"
    return f"the engine answered the alert with {answer.status}" if answer.status >= 300 else ""


def poster(url: str | None, patience: float = 0) -> Callable[[Trial], None]:
    """Heal by telling an engine, as patiently as Alertmanager; without a URL it must find out by itself."""

    def tell(trial: Trial) -> None:
        if url:
            post(trial, url, patience)

    return tell
