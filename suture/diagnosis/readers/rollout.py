"""Controllers that gave up: a rollout past its progress deadline, a job that failed."""

from __future__ import annotations

from collections.abc import Iterator

from suture.diagnosis.fields import condition, is_true, text, when
from suture.diagnosis.health import healthy
from suture.diagnosis.view import View
from suture.domain.diagnosis import FailureType, Symptom
from suture.domain.snapshot import Manifest, dig


def read_deadline(view: View) -> Iterator[Symptom]:
    """Progressing=False; a paused deployment has no deadline, and one that became healthy after all is
    healthy.
    """
    if view.owner.kind != "Deployment" or dig(view.manifest, "spec.paused") is True:
        return
    progress = condition(view.manifest, "Progressing")
    late = progress.get("status") == "False" and progress.get("reason") == "ProgressDeadlineExceeded"
    if late and not healthy(view.snapshot, view.owner).ok:
        yield view.symptom(
            FailureType.ROLLOUT_FAILED,
            view.manifest,
            "ProgressDeadlineExceeded",
            text(progress, "message"),
            when(progress, "lastTransitionTime"),
        )


def read_jobs(view: View) -> Iterator[Symptom]:
    """A failed job; of a cron job only the newest run that ended counts, and it may still be followed by a
    good one.
    """
    if view.owner.kind == "Job":
        yield from _failed(view, view.manifest)
    elif view.owner.kind == "CronJob":
        ended = [
            j for j in view.snapshot.owned_by(view.manifest) if is_true(j, "Failed") or is_true(j, "Complete")
        ]
        newest = max(ended, key=lambda j: text(j, "metadata.creationTimestamp"), default=None)
        if newest:
            yield from _failed(view, newest)


def _failed(view: View, job: Manifest) -> Iterator[Symptom]:
    failure = condition(job, "Failed")
    if failure.get("status") == "True":
        reason = text(failure, "reason", "Failed") or "Failed"
        yield view.symptom(
            FailureType.JOB_FAILED, job, reason, text(failure, "message"), when(failure, "lastTransitionTime")
        )
