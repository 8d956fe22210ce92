"""Services, Ingresses and autoscalers that lead nowhere: the one place where they could be meant to lead.

Without a record of the former value the right one is told from what is there: the only port, the only workload that the
selector almost fits. When several would do, a person is asked.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from suture.diagnosis.case import Case, expect_of
from suture.diagnosis.fields import items, labels, text
from suture.diagnosis.graph import Edge
from suture.diagnosis.pods import container_specs
from suture.diagnosis.workload import pod_template
from suture.domain.action import Patch
from suture.domain.diagnosis import FailureType, Hypothesis
from suture.domain.plan import Check, FieldEquals, Plan
from suture.domain.snapshot import Manifest, dig

ORIGIN = "detector:misdirected"
ONLY_ONE, GUESS, BROKEN = 0.6, 0.45, 0.4
_KINDS = (FailureType.TRAFFIC, FailureType.AUTOSCALER, FailureType.NOT_READY, FailureType.CRASH_LOOP)


def hypotheses(case: Case) -> Iterator[Hypothesis]:
    about = case.of(*_KINDS)
    if not about:
        return
    kind = about[0].failure_type
    for edge in case.defects:
        cause = f"{edge}: {edge.note or 'it does not exist'}"
        made = _mend(case, edge)
        if made is None:
            yield case.hypothesis(ORIGIN, kind, cause, BROKEN, ["what it should lead to is not known"])
            continue
        plan, confidence, why = made
        if kind in (FailureType.NOT_READY, FailureType.CRASH_LOOP):
            confidence = min(confidence, GUESS)
        yield case.hypothesis(ORIGIN, kind, cause, confidence, [why], plan)


def _mend(case: Case, edge: Edge) -> tuple[Plan, float, str] | None:
    source = case.snapshot.find(edge.source)
    if source is None:
        return None
    match (edge.source.kind, edge.relation):
        case ("Service", "selects"):
            return _port(case, edge, source)
        case ("Service", "should select"):
            return _selector(case, edge, source)
        case ("HorizontalPodAutoscaler", "should scale"):
            body: Any = {"spec": {"scaleTargetRef": {"kind": edge.target.kind, "name": edge.target.name}}}
            checks: list[Check] = [
                FieldEquals(object=edge.source, path="spec.scaleTargetRef.name", value=edge.target.name)
            ]
            return _patch(edge, source, "merge", body, checks), GUESS, f"{edge.target} is the only one alike"
    return None


def _port(case: Case, edge: Edge, service: Manifest) -> tuple[Plan, float, str] | None:
    """The only named (or only) container port, for a Service with one port."""
    ports = items(service, "spec.ports")
    template = pod_template(case.snapshot.find(edge.target) or {})
    open_ports = [p for c in container_specs(template).values() for p in items(c, "ports")]
    if len(ports) != 1 or len(open_ports) != 1:
        return None
    wanted = text(open_ports[0], "name") or dig(open_ports[0], "containerPort")
    path = "/spec/ports/0/targetPort"
    was = ports[0].get("targetPort")
    body = [{"op": "test", "path": path, "value": was}, {"op": "replace", "path": path, "value": wanted}]
    checks: list[Check] = [FieldEquals(object=edge.source, path="spec.ports.0.targetPort", value=wanted)]
    return _patch(edge, service, "json", body, checks), ONLY_ONE, f"its pods have one port only: {wanted}"


def _selector(case: Case, edge: Edge, service: Manifest) -> tuple[Plan, float, str] | None:
    """Only the labels in which the selector differs from the pods it should select."""
    rivals = [e for e in case.graph.touching(edge.source) if e.relation == "should select"]
    having = labels(pod_template(case.snapshot.find(edge.target) or {}))
    selector = labels(service, "spec.selector")
    wrong = {k: having.get(k) for k, v in selector.items() if having.get(k) != v}
    wholly = len(wrong) == len(selector) and None in wrong.values()
    if len(rivals) != 1 or not edge.broken or not wrong or wholly:
        return None
    wanted = {k: v for k, v in {**selector, **wrong}.items() if v is not None}
    checks: list[Check] = [FieldEquals(object=edge.source, path="spec.selector", value=wanted)]
    plan = _patch(edge, service, "merge", {"spec": {"selector": wrong}}, checks)
    return plan, ONLY_ONE, f"{edge.target} is the only workload that it almost selects"


def _patch(edge: Edge, manifest: Manifest, how: Any, body: Any, checks: list[Check]) -> Plan:
    note = f"lead {edge.source} to {edge.target}"[:256]
    action = Patch(object=edge.source, expect=expect_of(manifest), patch_type=how, body=body, note=note)
    return Plan(actions=[action], checks=checks)
