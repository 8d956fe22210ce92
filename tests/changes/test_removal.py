"""Removing what appeared: only harmless kinds, only a known object, and never without the way back."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, cast

import pytest
from pydantic import ValidationError

from policies.guardrails import Guardrails
from suture.domain.action import HARMLESS, Expect, RecreateObject, RemoveCreated
from suture.domain.errors import Forbidden, PreconditionFailed, TargetNotFound
from suture.domain.snapshot import Manifest
from suture.domain.target import ObjectRef
from suture.targets.kubernetes.actions.base import Context
from suture.targets.kubernetes.actions.remove_created import CreatedRemoval

T0 = datetime(2026, 1, 1, tzinfo=UTC)
POLICY = ObjectRef(kind="NetworkPolicy", namespace="shop", name="deny")


class OneObject:
    """A client and a ledger that know one object."""

    def __init__(self, **meta: Any) -> None:
        self.live: Manifest | None = {
            "kind": "NetworkPolicy",
            "metadata": {"name": "deny", "namespace": "shop", "uid": "u1", "resourceVersion": "1", **meta},
        }
        self.deleted: list[tuple[str, bool]] = []

    async def get(self, ref: ObjectRef) -> Manifest:
        if self.live is None:
            raise TargetNotFound(str(ref))
        return self.live

    async def delete(self, ref: ObjectRef, *, uid: str, dry_run: bool = False) -> None:
        if self.live is None:
            raise TargetNotFound(str(ref))
        self.deleted.append((uid, dry_run))
        self.live = self.live if dry_run else None

    async def content(self, revision: str) -> Manifest:
        if revision != "r1" or self.live is None:
            raise TargetNotFound(revision)
        return self.live


def context(world: OneObject) -> Context:
    return Context(cast(Any, world), cast(Any, None), cast(Any, world))


def removal(revision: str = "r1", uid: str | None = "u1") -> RemoveCreated:
    return RemoveCreated(object=POLICY, expect=Expect(uid=uid), revision=revision)


@pytest.mark.parametrize(
    "kind", ["Secret", "PersistentVolumeClaim", "Deployment", "Namespace", "ConfigMap", "Pod"]
)
def test_nothing_that_holds_data_or_runs_can_be_named(kind: str) -> None:
    assert kind not in HARMLESS
    with pytest.raises(ValidationError, match="may not be removed"):
        RemoveCreated(object=ObjectRef(kind=kind, namespace="shop", name="x"), revision="r1")


def test_guardrails_want_the_uid_and_keep_protected_namespaces() -> None:
    rules = Guardrails(["kube-system"])
    assert rules.forbids(removal()) is None
    assert "only allowed" in (rules.forbids(removal(uid=None)) or "")
    there = POLICY.model_copy(update={"namespace": "kube-system"})
    with pytest.raises(Forbidden):
        rules.check(removal().model_copy(update={"object": there}))


async def test_it_is_removed_once_and_its_undo_makes_it_again() -> None:
    world = OneObject()
    receipt = await CreatedRemoval().prepare(context(world), removal(), "key", T0)
    assert world.deleted == [("u1", True)]
    assert receipt.undo == [RecreateObject(object=POLICY, revision="r1")]
    for _ in range(2):
        assert (await CreatedRemoval().apply(context(world), receipt)).done_at
    assert world.deleted == [("u1", True), ("u1", False)]


@pytest.mark.parametrize(
    ("meta", "action"),
    [
        ({"uid": "another"}, removal()),
        ({"ownerReferences": [{"kind": "Operator"}]}, removal()),
        ({}, removal(uid=None)),
    ],
)
async def test_another_object_or_a_controller_s_own_stays(
    meta: dict[str, Any], action: RemoveCreated
) -> None:
    world = OneObject(**meta)
    with pytest.raises(PreconditionFailed):
        await CreatedRemoval().prepare(context(world), action, "key", T0)
    assert not world.deleted


async def test_what_the_ledger_cannot_make_again_stays() -> None:
    world = OneObject()
    with pytest.raises(TargetNotFound):
        await CreatedRemoval().prepare(context(world), removal("unknown"), "key", T0)
    assert not world.deleted
