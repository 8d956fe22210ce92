"""What a symptom reader sees: one top owner in a snapshot at one moment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from suture.diagnosis.fields import earliest, is_true, text, when
from suture.diagnosis.pods import is_deleting, is_finished, is_live
from suture.domain.diagnosis import FailureType, Symptom
from suture.domain.redaction import redact_text
from suture.domain.snapshot import Manifest, Snapshot, ref_of
from suture.domain.target import ObjectRef

MESSAGE_LIMIT = 600


def lost_node(snapshot: Snapshot, name: str) -> bool:
    """Whether the node of this name is not ready or no longer there (unknown when the snapshot has no nodes
    at all).
    """
    if not name:
        return False
    node = snapshot.get("Node", "", name)
    return bool(snapshot.all("Node")) if node is None else not is_true(node, "Ready")


@dataclass(frozen=True)
class View:
    """One top owner, its pods, and the way to say what is wrong with it."""

    snapshot: Snapshot
    owner: ObjectRef
    manifest: Manifest
    now: datetime

    @cached_property
    def _all_pods(self) -> list[Manifest]:
        return [] if self.owner.kind == "Node" else self.snapshot.pods_of(self.owner)

    @cached_property
    def pods(self) -> list[Manifest]:
        """Pods that count, on nodes that answer (of others only the last word is known)."""
        return [p for p in self._all_pods if is_live(p) and not self.is_lost(p)]

    @cached_property
    def stranded(self) -> list[Manifest]:
        """Pods on nodes that are lost: still counted, or never gone although their time to stop is over."""
        return [
            p
            for p in self._all_pods
            if self.is_lost(p) and not is_finished(p) and not self._may_still_stop(p)
        ]

    def is_lost(self, pod: Manifest) -> bool:
        return lost_node(self.snapshot, text(pod, "spec.nodeName"))

    def _may_still_stop(self, pod: Manifest) -> bool:
        deadline = when(pod, "metadata.deletionTimestamp")  # when the grace period ends, not when it began
        return is_deleting(pod) and deadline is not None and deadline > self.now

    @property
    def age(self) -> float:
        """Seconds since the owner was made; 0 when unknown."""
        created = when(self.manifest, "metadata.creationTimestamp")
        return max(0.0, (self.now - created).total_seconds()) if created else 0.0

    def symptom(
        self,
        failure_type: FailureType,
        at: Manifest,
        reason: str,
        message: str = "",
        since: datetime | None = None,
        container: str = "",
        restarts: int = 0,
    ) -> Symptom:
        return Symptom(
            failure_type=failure_type,
            object=ref_of(at),
            owner=self.owner,
            reason=reason,
            message=redact_text(message)[:MESSAGE_LIMIT],
            container=container,
            since=earliest(since, self.now) if since else None,
            restarts=max(0, restarts),
        )
