"""A failed job: a person is told why; running it again is not ours to decide, for jobs have effects."""

from __future__ import annotations

from collections.abc import Iterator

from suture.diagnosis.case import Case
from suture.domain.diagnosis import FailureType, Hypothesis

ORIGIN = "detector:job_failed"
CERTAIN_BUT_HELPLESS = 0.4


def hypotheses(case: Case) -> Iterator[Hypothesis]:
    for symptom in case.of(FailureType.JOB_FAILED):
        cause = f"{symptom.object} failed: {symptom.reason}"
        yield case.hypothesis(ORIGIN, FailureType.JOB_FAILED, cause, CERTAIN_BUT_HELPLESS, [symptom.message])
