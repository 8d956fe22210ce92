"""Secrets at the edge: nothing leaves in clear, everything comes back."""

from __future__ import annotations

import copy
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suture.domain.errors import Irreversible
from suture.domain.snapshot import Manifest
from suture.sealing import Sealer, is_sealed
from suture.targets.kubernetes.sealed import LAST_APPLIED, hidden_texts, incoming, lean, outgoing, restorable
from tests.kubernetes.objects import PASSWORD, template, workload

SEALER = Sealer(bytes(range(64)))
HASHER = Sealer(bytes(range(64)), restorable=False)


def sealed(manifest: Manifest, sealer: Sealer = SEALER) -> Manifest:
    return outgoing(copy.deepcopy(manifest), sealer)


def test_secret_values_are_sealed_and_come_back() -> None:
    manifest = {
        "kind": "Secret",
        "metadata": {"name": "a"},
        "type": "Opaque",
        "data": {"user": "YWRtaW4=", "empty": ""},
    }
    out = sealed(manifest)
    assert is_sealed(out["data"]["user"]) and out["type"] == "Opaque"
    assert out == sealed(manifest), "the same value seals to the same text, so that values can be compared"
    back, clear = incoming(out, SEALER)
    assert back == manifest
    assert clear == ["YWRtaW4=", ""]


@pytest.mark.parametrize(
    "kind", ["Deployment", "StatefulSet", "DaemonSet", "Pod", "CronJob", "ControllerRevision"]
)
def test_environment_is_sealed_wherever_a_pod_spec_is(kind: str) -> None:
    pod = template(args=["--dsn=postgres://shop:hunter2-very-secret@db/shop", "--verbose"])
    manifest: Manifest = {"kind": kind, "metadata": {"name": "a"}}
    match kind:
        case "Pod":
            manifest["spec"] = pod["spec"]
        case "CronJob":
            manifest["spec"] = {"jobTemplate": {"spec": {"template": pod}}}
        case "ControllerRevision":
            manifest["data"] = {"spec": {"template": pod}}
        case _:
            manifest["spec"] = {"template": pod}
    out = sealed(manifest)
    assert PASSWORD not in json.dumps(out)
    assert '"fast"' in json.dumps(out) and "--verbose" in json.dumps(out)
    assert incoming(out, SEALER)[0] == manifest


def test_config_maps_are_sealed_by_name_and_by_shape() -> None:
    data = {"api-token": "abc", "app.conf": "port=80\npassword = abc", "mode": "fast"}
    out = sealed({"kind": "ConfigMap", "metadata": {"name": "a"}, "data": data})
    assert is_sealed(out["data"]["api-token"]) and is_sealed(out["data"]["app.conf"])
    assert out["data"]["mode"] == "fast"


def test_metadata_is_compact() -> None:
    fields = [
        {"manager": "late", "operation": "Update", "time": "2026-01-02T00:00:00Z", "fieldsV1": {"f:x": {}}},
        {"manager": "early", "operation": "Apply", "time": "2026-01-01T00:00:00Z", "subresource": "status"},
    ]
    notes = {LAST_APPLIED: '{"data": {"password": "x"}}', "team": "shop"}
    out = sealed(
        {"kind": "Service", "metadata": {"name": "a", "managedFields": fields, "annotations": notes}}
    )
    assert out["metadata"] == {
        "name": "a",
        "annotations": {"team": "shop"},
        "managers": [
            ["early", "2026-01-01T00:00:00Z", "Apply", "status"],
            ["late", "2026-01-02T00:00:00Z", "Update", ""],
        ],
    }


def test_messages_are_redacted() -> None:
    event = sealed(
        {"kind": "Event", "metadata": {"name": "a"}, "message": "login with password=hunter2 failed"}
    )
    assert "hunter2" not in event["message"] and "failed" in event["message"]
    ended = {"terminated": {"exitCode": 1, "message": "bad token=hunter2"}}
    status = {
        "containerStatuses": [{"name": "web", "state": {}, "lastState": ended}],
        "message": "password=hunter2",
    }
    pod = sealed({"kind": "Pod", "metadata": {"name": "a"}, "spec": {}, "status": status})
    assert "hunter2" not in json.dumps(pod)


def test_hashes_cannot_be_put_back() -> None:
    out = sealed({"kind": "Secret", "metadata": {"name": "a"}, "data": {"x": "eA=="}}, HASHER)
    assert not restorable(out) and restorable(sealed(workload("Deployment", "a")))
    with pytest.raises(Irreversible, match="hash only"):
        incoming(out, HASHER)


def test_texts_that_an_error_must_not_repeat() -> None:
    assert hidden_texts(template(), HASHER) == [PASSWORD]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=80),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=10,
)


@given(JSON)
def test_lean_changes_nothing(value: object) -> None:
    assert lean(value) == value


@given(st.dictionaries(st.text(max_size=20), st.text(max_size=200), max_size=4))
def test_any_config_map_comes_back(data: dict[str, str]) -> None:
    if any(is_sealed(v) for v in data.values()):
        return
    manifest = {"kind": "ConfigMap", "metadata": {"name": "a"}, "data": data}
    assert incoming(sealed(manifest), SEALER)[0] == manifest
