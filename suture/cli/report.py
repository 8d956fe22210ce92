"""`suture report`: a person is a signal source too; a report starts an incident or joins the running one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from suture.domain.report import Report

TargetName = Annotated[str, typer.Argument(metavar="TARGET", help="kind/name, for example deployment/cart.")]
Summary = Annotated[str, typer.Option(help="What is wrong.")]
Namespace = Annotated[
    str, typer.Option("--namespace", "-n", metavar="NS", help="Empty for what has no namespace.")
]
SeverityName = Annotated[str, typer.Option(help="low, medium, high or critical.")]
_KINDS = (
    "Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Pod", "Job", "CronJob", "Node",
    "Service", "Ingress", "ConfigMap", "Secret", "Namespace", "PersistentVolumeClaim", "PersistentVolume",
    "HorizontalPodAutoscaler", "PodDisruptionBudget", "NetworkPolicy",
)  # fmt: skip
_SHORT = {
    "deploy": "Deployment", "sts": "StatefulSet", "ds": "DaemonSet", "rs": "ReplicaSet", "po": "Pod",
    "cj": "CronJob", "no": "Node", "svc": "Service", "ing": "Ingress", "cm": "ConfigMap",
    "pvc": "PersistentVolumeClaim", "hpa": "HorizontalPodAutoscaler", "pdb": "PodDisruptionBudget",
}  # fmt: skip


def report(
    target: TargetName, summary: Summary, namespace: Namespace = "", severity: SeverityName = "medium"
) -> None:
    """Report trouble: start an incident, or join the running one."""
    from suture.cli import attach

    print(f"reported: {attach.run(_send(target, namespace, severity, summary))}")


async def _send(text: str, namespace: str, severity: str, summary: str) -> str:
    from suture.cli import attach
    from suture.domain.report import ReportBatch
    from suture.ingest.temporal import TemporalIncidents
    from suture.settings import TASK_QUEUE

    installation = attach.find()
    made = _report(text, namespace, installation.settings.cluster, severity, summary)
    client = await attach.temporal(installation)
    # Without options: the worker's own hold, which this command does not know.
    return await TemporalIncidents(client, TASK_QUEUE).report(made.target, ReportBatch(reports=[made]))


def _report(text: str, namespace: str, cluster: str, severity: str, summary: str) -> Report:
    from pydantic import ValidationError

    from suture.cli.problems import WrongUse
    from suture.domain.report import Report
    from suture.domain.stages import Severity
    from suture.domain.target import Target

    if severity not in list(Severity):
        raise WrongUse(f"severity {severity!r} is unknown", "it is low, medium, high or critical")
    kind, slash, name = text.partition("/")
    if not slash or not kind or not name or "/" in name:
        raise WrongUse(f"{text!r} is not a target", "write kind/name, for example deployment/cart -n shop")
    try:
        target = Target(cluster=cluster, namespace=namespace, kind=proper_kind(kind), name=name)
        made = Report(
            source="cli", target=target, severity=Severity(severity), reason="manual", summary=summary
        )
    except ValidationError as e:
        first = e.errors()[0]
        raise WrongUse(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from e
    return made.redacted()


def proper_kind(text: str) -> str:
    """The kind as Kubernetes writes it, from what people type (`deploy`, `deployments`, `deployment`).

    >>> proper_kind("deploy"), proper_kind("ingresses"), proper_kind("StatefulSet"), proper_kind("Widget")
    ('Deployment', 'Ingress', 'StatefulSet', 'Widget')
    """
    low = text.lower()
    for kind in _KINDS:
        if low in (kind.lower(), f"{kind.lower()}s", f"{kind.lower()}es", kind.lower()[:-1] + "ies"):
            return kind
    return _SHORT.get(low, text)
