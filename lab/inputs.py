"""What a container is given when it starts: its environment and the files mounted into it.

Missing objects are reported with the messages of a real kubelet, because those messages are evidence.
"""

from __future__ import annotations

import base64
import re

from lab.objects import Obj, dig
from lab.world import World


class MissingInput(Exception):
    """The container cannot be created; `mount` tells a volume problem from an environment problem."""

    def __init__(self, message: str, mount: bool = False) -> None:
        super().__init__(message)
        self.mount = mount


_ENV_SOURCES = (("ConfigMap", "configMapRef", "configMapKeyRef"), ("Secret", "secretRef", "secretKeyRef"))
_VOLUME_SOURCES = (("ConfigMap", "configMap", "name"), ("Secret", "secret", "secretName"))
DIRECTORY = "<directory>"


def content(obj: Obj) -> dict[str, str]:
    """The text of a ConfigMap or Secret."""
    data = dict(obj.get("data") or {})
    if obj["kind"] == "Secret":
        return {key: base64.b64decode(value).decode(errors="replace") for key, value in data.items()}
    return data


def environment(world: World, namespace: str, container: Obj, pod: Obj | None = None) -> dict[str, str]:
    """The variables a container sees; MissingInput if a required object or key is not there."""
    env: dict[str, str] = {}
    for source in container.get("envFrom") or []:
        for kind, whole, _ in _ENV_SOURCES:
            if whole in source:
                found = _object(world, namespace, kind, source[whole])
                env |= {source.get("prefix", "") + k: v for k, v in (content(found) if found else {}).items()}
    for variable in container.get("env") or []:
        value = _variable(world, namespace, variable, pod)
        if value is not None:
            env[variable["name"]] = re.sub(r"\$\((\w+)\)", lambda m: env.get(m[1], m[0]), value)
    return env


def _object(world: World, namespace: str, kind: str, ref: Obj) -> Obj | None:
    found = world.get(kind, namespace, ref["name"])
    if found is None and not ref.get("optional"):
        raise MissingInput(f'{kind.lower()} "{ref["name"]}" not found')
    return None if found is None else {**found, "kind": kind}


def _variable(world: World, namespace: str, variable: Obj, pod: Obj | None) -> str | None:
    source = variable.get("valueFrom")
    if not source:
        return str(variable.get("value", ""))
    for kind, _, by_key in _ENV_SOURCES:
        if by_key in source:
            return _key(world, namespace, kind, source[by_key])
    return str(dig(pod, dig(source, "fieldRef.fieldPath", ""), ""))


def _key(world: World, namespace: str, kind: str, ref: Obj) -> str | None:
    found = _object(world, namespace, kind, ref)
    data = content(found) if found else {}
    if ref["key"] not in data and not ref.get("optional"):
        raise MissingInput(f"couldn't find key {ref['key']} in {kind} {namespace}/{ref['name']}")
    return data.get(ref["key"])


def mounted_files(world: World, namespace: str, spec: Obj, container: Obj) -> dict[str, str]:
    """Path -> text of what the volumes of a pod spec bring into a container.

    A writable directory is listed with a trailing slash.
    """
    volumes = {v["name"]: v for v in spec.get("volumes") or []}
    files: dict[str, str] = {}
    for mount in container.get("volumeMounts") or []:
        volume = volumes.get(mount["name"]) or {}
        at = mount["mountPath"].rstrip("/")
        if "emptyDir" in volume or "persistentVolumeClaim" in volume:
            files[at + "/"] = DIRECTORY
        for kind, source, name in _VOLUME_SOURCES:
            if source in volume:
                files |= _volume(world, namespace, kind, volume[source], volume[source][name], mount)
    return files


def _volume(world: World, namespace: str, kind: str, source: Obj, name: str, mount: Obj) -> dict[str, str]:
    problem = f'MountVolume.SetUp failed for volume "{mount["name"]}" : '
    found = world.get(kind, namespace, name)
    if found is None:
        if source.get("optional"):
            return {}
        raise MissingInput(f'{problem}{kind.lower()} "{name}" not found', mount=True)
    data = content({**found, "kind": kind})
    files = dict(data)
    if source.get("items"):
        files = {}
        for item in source["items"]:
            if item["key"] in data:
                files[item["path"]] = data[item["key"]]
            elif not source.get("optional"):
                raise MissingInput(
                    f"{problem}references non-existent {kind.lower()} key: {item['key']}", True
                )
    at = mount["mountPath"].rstrip("/")
    if mount.get("subPath"):
        return {at: files[mount["subPath"]]} if mount["subPath"] in files else {}
    return {f"{at}/{path}": text for path, text in files.items()}
