"""Recreate a missing object as the ledger last knew it, and only when it is missing."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from suture.domain.action import DeleteObject, Expect, Receipt, RecreateObject
from suture.domain.errors import PreconditionFailed, SutureError, TargetNotFound
from suture.domain.snapshot import CLUSTER_SCOPED, Manifest, dig, ref_of
from suture.domain.target import ObjectRef
from suture.targets.kubernetes.actions.base import Context, done, is_marked, mark_of, receipt_for, scrubbed
from suture.targets.kubernetes.errors import AlreadyExists
from suture.targets.kubernetes.kinds import KINDS, kind_of
from suture.targets.kubernetes.sealed import incoming

_KEPT_METADATA = ("name", "namespace", "labels", "annotations", "finalizers", "ownerReferences")
_BOUND_NOTES = (
    "pv.kubernetes.io/bind-completed",
    "pv.kubernetes.io/bound-by-controller",
    "volume.kubernetes.io/selected-node",
    "volume.kubernetes.io/storage-provisioner",
    "volume.beta.kubernetes.io/storage-provisioner",
    "deployment.kubernetes.io/revision",
    "deprecated.daemonset.template.generation",
    "control-plane.alpha.kubernetes.io/leader",
)
_ASSIGNED = {  # what the server or a controller gave to the old object
    "Service": ("clusterIP", "clusterIPs", "healthCheckNodePort"),
    "PersistentVolumeClaim": ("volumeName",),
    "Pod": ("nodeName",),
    "Job": ("selector",),
}


class Recreation:
    """Undone by deleting exactly what was created; so the receipt has its undo once it is done."""

    async def prepare(self, ctx: Context, action: RecreateObject, key: str, at: datetime) -> Receipt:
        await _check_missing(ctx, action)
        await self._create(ctx, action, key, dry_run=True)
        note = f"from revision {action.revision}"
        return receipt_for(action, key, at, None, changes={"object": (None, "present")}, note=note)

    async def apply(self, ctx: Context, receipt: Receipt) -> Receipt:
        action: Any = receipt.action
        try:
            made = await self._create(ctx, action, receipt.key)
        except AlreadyExists:
            made = await ctx.client.get(action.object)
            if not is_marked(made, receipt.key):
                raise PreconditionFailed(f"{action.object} exists by now: nothing to recreate") from None
        meta = made["metadata"]
        back = DeleteObject(object=action.object, expect=Expect(uid=meta["uid"]))
        return done(
            receipt,
            uid=meta["uid"],
            generation=meta.get("generation"),
            resource_version=meta["resourceVersion"],
            undo=[back],
        )

    async def _create(
        self, ctx: Context, action: RecreateObject, key: str, dry_run: bool = False
    ) -> Manifest:
        manifest = fresh_copy(await ctx.ledger.content(action.revision))
        if ref_of(manifest) != action.object:
            raise PreconditionFailed(
                f"revision {action.revision} is of {ref_of(manifest)}, not of {action.object}"
            )
        await _drop_dead_owners(ctx, manifest)
        body, clear = incoming(manifest, ctx.sealer)
        try:
            return await ctx.client.create(body, manager=mark_of(key), dry_run=dry_run)
        except SutureError as e:
            raise scrubbed(e, clear) from None


async def _check_missing(ctx: Context, action: RecreateObject) -> None:
    try:
        live = await ctx.client.get(action.object)
    except TargetNotFound:
        return
    leaving = live["metadata"].get("deletionTimestamp")
    raise PreconditionFailed(
        f"{action.object} {'is still being deleted' if leaving else 'exists: nothing to recreate'}"
    )


def fresh_copy(manifest: Manifest) -> Manifest:
    """The manifest as one would write it: without identity, status, and what the old object was given."""
    kind = kind_of(manifest["kind"])
    made = {k: copy.deepcopy(v) for k, v in manifest.items() if k not in ("status", "metadata")}
    made["apiVersion"] = manifest.get("apiVersion") or kind.api_version
    meta = {k: copy.deepcopy(v) for k, v in manifest["metadata"].items() if k in _KEPT_METADATA and v}
    made["metadata"] = meta
    _drop_keys(meta, "annotations", _BOUND_NOTES)
    # The cluster's own finalizers are put back by its own controllers; of others nobody knows.
    if keep := [f for f in meta.pop("finalizers", ()) if "/" in f and "kubernetes.io/" not in f]:
        meta["finalizers"] = keep
    _drop_assigned(made)
    return made


def _drop_assigned(made: Manifest) -> None:
    spec = made.get("spec") or {}
    headless = spec.get("clusterIP") == "None"
    for field in _ASSIGNED.get(made["kind"], ()):
        if not (headless and field.startswith("clusterIP")):
            spec.pop(field, None)
    match made["kind"]:
        case "Job":
            labels = dig(spec, "template.metadata.labels") or {}
            for label in [x for x in labels if x.endswith(("controller-uid", "job-name"))]:
                del labels[label]
        case "PersistentVolume":
            for field in ("uid", "resourceVersion"):
                (spec.get("claimRef") or {}).pop(field, None)
        case "Namespace":
            spec.pop("finalizers", None)
        case "ServiceAccount":
            made.pop("secrets", None)


def _drop_keys(holder: Manifest, field: str, keys: Iterable[str]) -> None:
    values = holder.get(field) or {}
    for key in keys:
        values.pop(key, None)
    if not values:
        holder.pop(field, None)


async def _drop_dead_owners(ctx: Context, manifest: Manifest) -> None:
    """An owner that is gone, or was replaced, would make the garbage collector delete the object at once."""
    meta = manifest["metadata"]
    alive = [o for o in meta.pop("ownerReferences", ()) if await _is_alive(ctx, o, meta.get("namespace", ""))]
    if alive:
        meta["ownerReferences"] = alive


async def _is_alive(ctx: Context, owner: Manifest, namespace: str) -> bool:
    if owner["kind"] not in KINDS:
        return False
    where = "" if owner["kind"] in CLUSTER_SCOPED else namespace
    try:
        live = await ctx.client.get(ObjectRef(kind=owner["kind"], namespace=where, name=owner["name"]))
    except TargetNotFound:
        return False
    return bool(live["metadata"]["uid"] == owner["uid"] and not live["metadata"].get("deletionTimestamp"))
