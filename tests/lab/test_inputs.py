"""The environment and the files of a container."""

from __future__ import annotations

import pytest

from lab.inputs import DIRECTORY, MissingInput, environment, mounted_files
from lab.objects import Obj
from tests.lab.builders import NS, config_map, pod, secret, world


def _from(kind: str, name: str, key: str, **more: object) -> dict[str, object]:
    return {"name": "X", "valueFrom": {f"{kind}KeyRef": {"name": name, "key": key, **more}}}


def test_the_environment_comes_from_values_config_maps_and_secrets() -> None:
    here = world(config_map("settings", A="1", B="2"), secret("login", user="me"))
    container = {
        "envFrom": [{"configMapRef": {"name": "settings"}, "prefix": "CM_"}],
        "env": [_from("secret", "login", "user"), {"name": "URL", "value": "http://$(X)/$(NOBODY)"}],
    }
    expected = {"CM_A": "1", "CM_B": "2", "X": "me", "URL": "http://me/$(NOBODY)"}
    assert environment(here, NS, container) == expected


def test_fields_of_the_pod_can_be_variables() -> None:
    container = {"env": [{"name": "NODE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}]}
    assert environment(world(), NS, container, pod("web")) == {"NODE": "node-1"}


@pytest.mark.parametrize(
    ("variable", "message"),
    [
        (_from("configMap", "gone", "a"), 'configmap "gone" not found'),
        (_from("secret", "login", "password"), f"couldn't find key password in Secret {NS}/login"),
    ],
)
def test_what_is_missing_is_said_as_a_kubelet_says_it(variable: dict[str, object], message: str) -> None:
    with pytest.raises(MissingInput) as problem:
        environment(world(secret("login", user="me")), NS, {"env": [variable]})
    assert str(problem.value) == message
    assert not problem.value.mount


def test_what_is_optional_may_be_missing() -> None:
    container = {
        "envFrom": [{"secretRef": {"name": "gone", "optional": True}}],
        "env": [_from("configMap", "gone", "a", optional=True)],
    }
    assert environment(world(), NS, container) == {}


def _mount(volume: Obj, **mount: object) -> tuple[Obj, Obj]:
    spec: Obj = {"volumes": [{"name": "v", **volume}]}
    return spec, {"volumeMounts": [{"name": "v", "mountPath": "/etc/x/", **mount}]}


def test_mounted_files() -> None:
    here = world(config_map("settings", a="1", b="2"), secret("tls", key="pem"))
    assert mounted_files(here, NS, *_mount({"configMap": {"name": "settings"}})) == {
        "/etc/x/a": "1",
        "/etc/x/b": "2",
    }
    assert mounted_files(here, NS, *_mount({"secret": {"secretName": "tls"}})) == {"/etc/x/key": "pem"}
    assert mounted_files(here, NS, *_mount({"emptyDir": {}})) == {"/etc/x/": DIRECTORY}
    items = {"configMap": {"name": "settings", "items": [{"key": "a", "path": "deep/a.conf"}]}}
    assert mounted_files(here, NS, *_mount(items)) == {"/etc/x/deep/a.conf": "1"}
    one = _mount({"configMap": {"name": "settings"}}, mountPath="/etc/one", subPath="b")
    assert mounted_files(here, NS, *one) == {"/etc/one": "2"}


@pytest.mark.parametrize(
    ("volume", "message"),
    [
        ({"secret": {"secretName": "gone"}}, 'secret "gone" not found'),
        (
            {"configMap": {"name": "settings", "items": [{"key": "z", "path": "z"}]}},
            "non-existent configmap key: z",
        ),
    ],
)
def test_a_volume_that_cannot_be_mounted(volume: dict[str, object], message: str) -> None:
    with pytest.raises(MissingInput, match=message) as problem:
        mounted_files(world(config_map("settings", a="1")), NS, *_mount(volume))
    assert problem.value.mount
