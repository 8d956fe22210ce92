"""An image that cannot be pulled: usually a tag that does not exist, brought by the newest revision."""

from __future__ import annotations

from collections.abc import Iterator

from suture.diagnosis.blame import Changes, blame, undo_plan
from suture.diagnosis.case import Case
from suture.diagnosis.fields import text
from suture.diagnosis.workload import container_of
from suture.domain.diagnosis import FailureType, Hypothesis

ORIGIN = "detector:image_pull"
IMAGE_CHANGED = 0.15
NO_WAY_BACK = 0.4


def _about_images(changes: Changes) -> bool:
    """Only an earlier revision that pulls something else, or with other credentials, can help."""
    return any(
        p.endswith(".image")
        or p.startswith(("spec.imagePullSecrets", "spec.serviceAccount"))
        or (p.startswith(("spec.containers", "spec.initContainers")) and p.count(".") <= 2)
        for p in changes
    )


def hypotheses(case: Case) -> Iterator[Hypothesis]:
    about = case.of(FailureType.IMAGE_PULL)
    if not about:
        return
    names = sorted({s.container for s in about})
    images = sorted({text(container_of(case.manifest, n), "image") for n in names} - {""})
    cause = f"the image of container {', '.join(names)} cannot be pulled" + (
        f": {', '.join(images)}" if images else ""
    )
    said = [s.message for s in about[:1] if s.message]
    found = blame(case, about, _about_images)
    if found is None:
        why = [*said, "no earlier revision with another image is known"]
        yield case.hypothesis(ORIGIN, FailureType.IMAGE_PULL, cause, NO_WAY_BACK, why)
        return
    yield case.hypothesis(
        ORIGIN,
        FailureType.IMAGE_PULL,
        cause,
        found.confidence + IMAGE_CHANGED,
        [*said, *found.why],
        undo_plan(case, found),
    )
