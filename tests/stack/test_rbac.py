"""deploy/rbac.yaml fits the code: every watched kind may be read, and no more is granted than is needed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from suture.targets.kubernetes.kinds import WATCHED

FILE = Path(__file__).resolve().parents[2] / "deploy" / "rbac.yaml"


def _documents() -> list[dict[str, Any]]:
    return [d for d in yaml.safe_load_all(FILE.read_text()) if d]


def _granted(role: str) -> dict[str, set[str]]:
    """Verbs by resource, named as RBAC does (`deployments.apps`)."""
    [found] = [d for d in _documents() if d["kind"] == "ClusterRole" and d["metadata"]["name"] == role]
    verbs: dict[str, set[str]] = {}
    for rule in found["rules"]:
        for group in rule["apiGroups"]:
            for resource in rule["resources"]:
                verbs.setdefault(f"{resource}.{group}".rstrip("."), set()).update(rule["verbs"])
    return verbs


def test_every_watched_kind_may_be_read() -> None:
    granted = _granted("suture-read")
    assert {k.resource for k in WATCHED} == set(granted) - {"pods/log"}
    assert all(granted[k.resource] == {"get", "list", "watch"} for k in WATCHED)


def test_nothing_is_granted_wholesale() -> None:
    roles = [d["metadata"]["name"] for d in _documents() if d["kind"] == "ClusterRole"]
    for role in roles:
        for resource, verbs in _granted(role).items():
            assert "*" not in resource and "*" not in verbs
            if not role.startswith("suture-act"):
                assert verbs <= {"get", "list", "watch"}
            assert not ("rbac" in resource and verbs - {"get", "list", "watch"})


def test_every_role_is_bound_to_the_account() -> None:
    documents = _documents()
    roles = {d["metadata"]["name"] for d in documents if d["kind"] == "ClusterRole"}
    bound = {d["roleRef"]["name"] for d in documents if d["kind"] == "ClusterRoleBinding"}
    assert roles == bound
