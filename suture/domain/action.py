"""Typed changes. Every action names its object, carries its parameters, says how risky it is and whether it can be undone.

An action is a wish; a target adapter carries it out under an idempotency key and answers with a `Receipt`, which is all
that is needed to undo it. `expect` is the precondition: the object must still be the one that was diagnosed.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, model_validator

from suture.domain.target import ObjectRef

Json = dict[str, Any]


class Risk(StrEnum):
    """Risk class: what the worst outcome of a mistaken use would be."""

    LOW = "low"  # one pod or one object, healed by its controller
    MEDIUM = "medium"  # one workload restarts or changes size
    HIGH = "high"  # several workloads, a node, or lasting data


class Reversibility(StrEnum):
    """How the state before an action comes back."""

    UNDO = "undo"  # the receipt holds the inverse
    CONTROLLER = "controller"  # nothing lasting changes: the object's controller makes it anew
    NONE = "none"  # irreversible: a person decides, always


class Expect(BaseModel):
    """Precondition: identity and generation of the object when the plan was made; what is None is not checked.

    `resource_version` is only for kinds without a generation (ConfigMap, Secret): others change it with each status.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    uid: str | None = None
    generation: int | None = None
    resource_version: str | None = None


class BaseAction(BaseModel):
    """What all actions share."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    risk: ClassVar[Risk] = Risk.MEDIUM
    reversibility: ClassVar[Reversibility] = Reversibility.UNDO
    disrupts: ClassVar[bool] = True  # running pods are replaced or removed

    object: ObjectRef
    expect: Expect = Expect()

    def describe(self) -> str:
        """One line for people."""
        raise NotImplementedError


class UndoRollout(BaseAction):
    """Put a workload's pod template back to an earlier revision (None: the one before the current)."""

    kind: Literal["undo_rollout"] = "undo_rollout"
    to_revision: int | None = Field(default=None, ge=1)

    def describe(self) -> str:
        return f"undo the rollout of {self.object}" + (
            f" to revision {self.to_revision}" if self.to_revision else ""
        )


class RestartRollout(BaseAction):
    """Replace all pods of a workload gradually, as `kubectl rollout restart` does."""

    risk: ClassVar[Risk] = Risk.LOW
    reversibility: ClassVar[Reversibility] = Reversibility.CONTROLLER
    kind: Literal["restart_rollout"] = "restart_rollout"

    def describe(self) -> str:
        return f"restart {self.object}"


class Scale(BaseAction):
    """Set the number of replicas."""

    disrupts: ClassVar[bool] = False
    kind: Literal["scale"] = "scale"
    replicas: int = Field(ge=0, le=10_000)

    def describe(self) -> str:
        return f"scale {self.object} to {self.replicas}"


class DeletePod(BaseAction):
    """Delete a pod that has a controller, which then makes a new one. `grace_seconds` 0 also frees a pod of a lost node."""

    risk: ClassVar[Risk] = Risk.LOW
    reversibility: ClassVar[Reversibility] = Reversibility.CONTROLLER
    kind: Literal["delete_pod"] = "delete_pod"
    grace_seconds: int | None = Field(default=None, ge=0, le=3600)

    def describe(self) -> str:
        return f"delete {self.object}" + (" at once" if self.grace_seconds == 0 else "")


class Patch(BaseAction):
    """Patch fields of an object: `strategic` and `merge` take an object, `json` a list of RFC 6902 operations."""

    kind: Literal["patch"] = "patch"
    patch_type: Literal["strategic", "merge", "json"] = "strategic"
    body: Json | list[Json]
    note: str = Field(default="", max_length=256)

    @model_validator(mode="after")
    def _body_fits_type(self) -> Patch:
        if isinstance(self.body, list) != (self.patch_type == "json"):
            raise ValueError(
                f"a {self.patch_type} patch takes {'a list of operations' if self.patch_type == 'json' else 'an object'}"
            )
        return self

    def describe(self) -> str:
        return self.note or f"patch {self.object}"


class RecreateObject(BaseAction):
    """Create an object that is missing, as the ledger's revision last knew it (by id: its content may be secret)."""

    risk: ClassVar[Risk] = Risk.LOW
    disrupts: ClassVar[bool] = False
    kind: Literal["recreate_object"] = "recreate_object"
    revision: str = Field(min_length=1, max_length=128)

    def describe(self) -> str:
        return f"recreate {self.object} from its last known good state"


HARMLESS = frozenset((
    "NetworkPolicy", "ResourceQuota", "LimitRange", "PodDisruptionBudget", "HorizontalPodAutoscaler",
    "ValidatingWebhookConfiguration", "MutatingWebhookConfiguration",
))  # fmt: skip


class RemoveCreated(BaseAction):
    """Take away an object that appeared just before the trouble: one that only limits others, holds no data and runs nothing.

    `expect.uid` names exactly the object that was seen to appear; `revision` is the ledger's record of it, from which its
    undo makes it again.
    """

    risk: ClassVar[Risk] = Risk.MEDIUM
    disrupts: ClassVar[bool] = False
    kind: Literal["remove_created"] = "remove_created"
    revision: str = Field(min_length=1, max_length=128)

    @model_validator(mode="after")
    def _is_harmless(self) -> RemoveCreated:
        if self.object.kind not in HARMLESS:
            raise ValueError(f"{self.object.kind} may not be removed: only {', '.join(sorted(HARMLESS))}")
        return self

    def describe(self) -> str:
        return f"remove {self.object}, which was created just before"


class DeleteObject(BaseAction):
    """Delete an object for good. Plans never offer it; it undoes a `recreate_object` (guarded by the uid it made)."""

    risk: ClassVar[Risk] = Risk.HIGH
    reversibility: ClassVar[Reversibility] = Reversibility.NONE
    kind: Literal["delete_object"] = "delete_object"

    def describe(self) -> str:
        return f"delete {self.object}"


class Cordon(BaseAction):
    """Mark a node unschedulable."""

    risk: ClassVar[Risk] = Risk.HIGH
    disrupts: ClassVar[bool] = False
    kind: Literal["cordon"] = "cordon"

    def describe(self) -> str:
        return f"cordon {self.object}"


class Uncordon(BaseAction):
    """Mark a node schedulable again."""

    disrupts: ClassVar[bool] = False
    kind: Literal["uncordon"] = "uncordon"

    def describe(self) -> str:
        return f"uncordon {self.object}"


class AdjustResources(BaseAction):
    """Change a container's requests and limits (Kubernetes quantities, for example {"memory": "256Mi"})."""

    kind: Literal["adjust_resources"] = "adjust_resources"
    container: str = Field(min_length=1, max_length=63)
    requests: dict[str, str] = Field(default_factory=dict)
    limits: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _something_changes(self) -> AdjustResources:
        if not self.requests and not self.limits:
            raise ValueError("adjust_resources needs requests or limits")
        return self

    def describe(self) -> str:
        changes = [
            f"{what} {k}={v}"
            for what, values in (("request", self.requests), ("limit", self.limits))
            for k, v in values.items()
        ]
        return f"set {', '.join(changes)} on container {self.container} of {self.object}"


Action = Annotated[
    UndoRollout
    | RestartRollout
    | Scale
    | DeletePod
    | Patch
    | RecreateObject
    | RemoveCreated
    | DeleteObject
    | Cordon
    | Uncordon
    | AdjustResources,
    Field(discriminator="kind"),
]
ACTIONS: TypeAdapter[Action] = TypeAdapter(Action)
KINDS: tuple[str, ...] = tuple(
    a.model_fields["kind"].default for a in get_args(get_args(Action)[0])
)  # the names of all actions


def digest(*parts: str) -> str:
    """A short stable name (16 hex digits of SHA-256) for a list of texts."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


class Receipt(BaseModel):
    """What an action is going to change (prepared) or has changed (done), enough to repeat it safely and to undo it.

    `undo` is the inverse as actions of the same language, empty when there is nothing to undo with; `changes` tells people
    field by field what was there before and after (secrets replaced by keyed hashes). `uid`, `generation` and
    `resource_version` are those of the object when the action was prepared.
    """

    model_config = ConfigDict(extra="forbid")

    key: str
    action: Action
    prepared_at: datetime
    done_at: datetime | None = None
    written_at: datetime | None = (
        None  # by the target's own clock, where it tells: to compare with its other times
    )
    dry_run: bool = False
    uid: str | None = None
    generation: int | None = None
    resource_version: str | None = None
    changed: bool = True  # False: the object was already as wished
    undo: list[Action] = Field(default_factory=list)
    changes: dict[str, tuple[Any, Any]] = Field(default_factory=dict)
    note: str = ""
