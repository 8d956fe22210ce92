"""Detectors: each knows one way in which workloads fail, and yields hypotheses when it sees its symptoms.

A detector is a module with `hypotheses(case)`; it looks only at its own failure types and never at another
detector. `classify` runs them all and merges what agrees.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from suture.diagnosis.case import Case
from suture.diagnosis.changes import hypotheses as changes
from suture.diagnosis.detectors import (
    crash_loop,
    failed_create,
    failed_rollout,
    image_pull,
    job_failed,
    misdirected,
    missing_object,
    missing_reference,
    node_not_ready,
    oom_killed,
    scaled_to_zero,
    unschedulable,
    wishes,
)
from suture.domain.diagnosis import Hypothesis

Detector = Callable[[Case], Iterable[Hypothesis]]

DETECTORS: tuple[Detector, ...] = (
    image_pull.hypotheses,
    crash_loop.hypotheses,
    oom_killed.hypotheses,
    unschedulable.hypotheses,
    scaled_to_zero.hypotheses,
    node_not_ready.hypotheses,
    missing_reference.hypotheses,
    missing_object.hypotheses,
    failed_rollout.hypotheses,
    failed_create.hypotheses,
    job_failed.hypotheses,
    misdirected.hypotheses,
    wishes.hypotheses,
    changes.hypotheses,
)
