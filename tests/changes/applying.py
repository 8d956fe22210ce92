"""The actions of a plan carried out on plain manifests, as the API server would, so that reverts can be checked purely."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import Any

from suture.diagnosis.workload import revisions
from suture.domain.action import (
    Action,
    Patch,
    RecreateObject,
    RemoveCreated,
    Scale,
    Uncordon,
    UndoRollout,
)
from suture.domain.snapshot import Manifest, Snapshot, ref_of
from suture.domain.target import ObjectRef

Objects = dict[ObjectRef, Manifest]


def carried_out(snapshot: Snapshot, actions: Iterable[Action], recorded: Mapping[str, Manifest]) -> Objects:
    """All objects after the actions; `recorded` are the ledger's contents by revision."""
    objects: Objects = {ref_of(o): copy.deepcopy(o) for o in snapshot}
    for action in actions:
        one(snapshot, objects, action, recorded)
    return objects


def one(snapshot: Snapshot, objects: Objects, action: Action, recorded: Mapping[str, Manifest]) -> None:
    ref = action.object
    match action:
        case Patch(patch_type="json"):
            assert isinstance(action.body, list)
            json_patch(objects[ref], action.body)
        case Patch():
            assert isinstance(action.body, dict)
            merge(objects[ref], action.body)
        case Scale():
            objects[ref]["spec"]["replicas"] = action.replicas
        case Uncordon():
            objects[ref]["spec"].pop("unschedulable", None)
        case UndoRollout():
            wanted = next(r for r in revisions(snapshot, ref) if r.number == action.to_revision)
            template = copy.deepcopy(wanted.template)
            template["metadata"]["labels"].pop("pod-template-hash", None)
            objects[ref]["spec"]["template"] = template
        case RecreateObject():
            objects[ref] = copy.deepcopy(recorded[action.revision])
        case RemoveCreated():
            del objects[ref]


def merge(into: dict[str, Any], patch: dict[str, Any]) -> None:
    """RFC 7386."""
    for key, value in patch.items():
        if value is None:
            into.pop(key, None)
        elif isinstance(value, dict) and isinstance(into.get(key), dict):
            merge(into[key], value)
        else:
            into[key] = copy.deepcopy(value)


def json_patch(holder: Any, operations: Iterable[dict[str, Any]]) -> None:
    """RFC 6902: test, add, replace and remove."""
    for op in operations:
        *way, last = [p.replace("~1", "/").replace("~0", "~") for p in op["path"].split("/")[1:]]
        here = holder
        for step in way:
            here = here[int(step)] if isinstance(here, list) else here[step]
        key: Any = int(last) if isinstance(here, list) and last != "-" else last
        if op["op"] == "test":
            assert here[key] == op["value"], op
        elif op["op"] == "remove":
            del here[key]
        elif op["op"] == "add" and isinstance(here, list):
            here.insert(len(here) if key == "-" else key, copy.deepcopy(op["value"]))
        else:
            assert op["op"] == "add" or key in (here if isinstance(here, dict) else range(len(here))), op
            here[key] = copy.deepcopy(op["value"])
