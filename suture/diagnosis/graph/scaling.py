"""Autoscalers and disruption budgets, and the workload that an autoscaler in the void was meant for."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import SequenceMatcher
from typing import Final

from suture.diagnosis.fields import number, text
from suture.diagnosis.graph.edges import Edge
from suture.diagnosis.graph.matching import matches
from suture.diagnosis.graph.scene import Scene, ref_to
from suture.diagnosis.workload import SCALABLE
from suture.domain.snapshot import Manifest, dig
from suture.domain.target import ObjectRef

ALIKE: Final = 0.8


def scaling(scene: Scene) -> Iterator[Edge]:
    """Of every autoscaler and budget."""
    scaled = {ref for _, scaler in scene.each("HorizontalPodAutoscaler") if (ref := _target(scaler))}
    for ref, scaler in scene.each("HorizontalPodAutoscaler"):
        yield from _scales(scene, ref, scaler, scaled)
    for ref, budget in scene.each("PodDisruptionBudget"):
        note = "allows no disruption now" if _is_spent(budget) else ""
        for workload in scene.workloads.get(ref.namespace, []):
            if matches(dig(budget, "spec.selector"), workload.labels):
                yield Edge(ref, workload.ref, "budgets", note=note)


def _target(scaler: Manifest) -> ObjectRef | None:
    namespace = text(scaler, "metadata.namespace")
    return ref_to(
        text(scaler, "spec.scaleTargetRef.kind"), namespace, text(scaler, "spec.scaleTargetRef.name")
    )


def _scales(scene: Scene, ref: ObjectRef, scaler: Manifest, scaled: set[ObjectRef]) -> Iterator[Edge]:
    target = _target(scaler)
    if target is None or (target.kind not in SCALABLE and scene.snapshot.find(target) is None):
        return  # a custom resource: nothing is known of it
    for edge in scene.edge(ref, "scales", target.kind, target.name):
        yield edge
        if not edge.exists:
            yield from _should_scale(scene, ref, target, scaled)


def _should_scale(scene: Scene, ref: ObjectRef, target: ObjectRef, scaled: set[ObjectRef]) -> Iterator[Edge]:
    for workload in scene.workloads.get(ref.namespace, []):
        name = workload.ref.name
        like = name in (ref.name, target.name) or SequenceMatcher(None, name, target.name).ratio() >= ALIKE
        if like and workload.ref.kind in SCALABLE and workload.ref not in scaled:
            yield Edge(ref, workload.ref, "should scale", note=f"scales {target}", broken=True)


def _is_spent(budget: Manifest) -> bool:
    expected = number(budget, "status.expectedPods")
    return expected > 0 and number(budget, "status.disruptionsAllowed", 1) == 0
