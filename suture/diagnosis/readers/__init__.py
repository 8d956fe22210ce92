"""Readers of symptoms, one module per part of the cluster that can be in trouble.

A pod is shown to the readers of `POD_READERS` in order, and the first that finds something has the word: an
unschedulable pod is not also called unready. Every owner is shown to all of `OWNER_READERS`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from suture.diagnosis.readers import containers, creation, nodes, readiness, rollout, scheduling, starting
from suture.diagnosis.view import View
from suture.domain.diagnosis import Symptom
from suture.domain.snapshot import Manifest

PodReader = Callable[[View, Manifest], Iterable[Symptom]]
OwnerReader = Callable[[View], Iterable[Symptom]]

POD_READERS: tuple[PodReader, ...] = (scheduling.read, starting.read, containers.read, readiness.read)
OWNER_READERS: tuple[OwnerReader, ...] = (
    creation.read,
    rollout.read_deadline,
    rollout.read_jobs,
    nodes.read_node,
    nodes.read_cordoned,
    nodes.read_stranded,
    nodes.read_held,
)
