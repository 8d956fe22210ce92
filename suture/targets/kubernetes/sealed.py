"""What leaves the adapter and what enters it: secrets are sealed on the way out, unsealed when written.

Sealed: the values of Secrets, and in other objects whole values that are named like a secret (environment
variables, keys of ConfigMaps) or have the shape of one (arguments, environment, annotations). Texts that
nobody puts back (events, termination messages) are redacted instead. Also dropped on the way out: what only
costs memory.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator
from sys import intern
from typing import Any

from suture.domain.redaction import is_secret_name, redact_text
from suture.domain.snapshot import Manifest
from suture.sealing import HASHED, Sealer, is_sealed

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_HINT = re.compile(
    r"(?i)://|BEGIN|bearer|basic|eyJ|AKIA|ASIA|gh[pousr]_|github_pat|glpat|xox|sk[-_]|AIza|pass|secret|token|key|cred"
)
_LONG = 65_536


def outgoing(manifest: Manifest, sealer: Sealer) -> Manifest:
    """The manifest as the engine may see it. Takes over and changes its argument."""
    meta = manifest["metadata"]
    _compact_metadata(meta, sealer)
    match manifest["kind"]:
        case "Secret":
            _seal_fields(manifest, ("data", "stringData"), lambda _, v: sealer.seal(v or ""))
        case "ConfigMap":
            _seal_fields(manifest, ("data", "binaryData"), lambda k, v: _seal_named(k, v, sealer))
        case "Event":
            _redact(manifest, "message", "note")
        case "Node":
            (manifest.get("status") or {}).pop("images", None)
        case "ControllerRevision":
            _seal_pod_spec(_path(manifest, "data", "spec", "template", "spec"), sealer)
    for spec in _pod_specs(manifest):
        _seal_pod_spec(spec, sealer)
    _redact_status(manifest)
    return manifest


def lean(value: Any) -> Any:
    """The same JSON with keys and short texts shared between objects: a third of the memory in the cache."""
    if isinstance(value, dict):
        return {intern(k): lean(v) for k, v in value.items()}
    if isinstance(value, list):
        return [lean(v) for v in value]
    return intern(value) if isinstance(value, str) and len(value) < 64 else value


def incoming(value: Any, sealer: Sealer) -> tuple[Any, list[str]]:
    """The value with sealed texts put back, and the clear texts, to keep them out of error messages.

    Raises Irreversible when a text cannot be unsealed.
    """
    clear: list[str] = []

    def put_back(text: str) -> str:
        if not is_sealed(text):
            return text
        clear.append(sealer.unseal(text))
        return clear[-1]

    return _map_texts(value, put_back), clear


def hidden_texts(template: Manifest, sealer: Sealer) -> list[str]:
    """The texts of a pod template that `outgoing` would seal: they must not show up in an error message."""
    shown = {"kind": "", "metadata": {}, "spec": {"template": copy.deepcopy(template)}}
    sealed = outgoing(shown, sealer)["spec"]["template"]
    return [raw for raw, put in zip(texts(template), texts(sealed), strict=True) if raw != put]


def restorable(value: Any) -> bool:
    """Whether all sealed texts inside can be put back (hashes cannot)."""
    return not any(text.startswith(HASHED) for text in texts(value))


def texts(value: Any) -> Iterator[str]:
    """All texts inside a JSON value, keys left out."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for v in value.values():
            yield from texts(v)
    elif isinstance(value, list | tuple):
        for v in value:
            yield from texts(v)


def _map_texts(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {k: _map_texts(v, change) for k, v in value.items()}
    if isinstance(value, list):
        return [_map_texts(v, change) for v in value]
    return value


def managers_of(meta: Manifest) -> list[list[str]]:
    """Who wrote which part when: [manager, time, operation, subresource], the newest last."""
    found = [
        [m.get("manager") or "", m.get("time") or "", m.get("operation") or "", m.get("subresource") or ""]
        for m in meta.get("managedFields") or ()
    ]
    return sorted(found, key=lambda m: m[1])


def _compact_metadata(meta: Manifest, sealer: Sealer) -> None:
    if "managedFields" in meta:
        meta["managers"] = managers_of(meta)
        del meta["managedFields"]
    meta.pop("selfLink", None)
    if notes := meta.get("annotations"):
        meta["annotations"] = {k: _seal_shaped(v, sealer) for k, v in notes.items() if k != LAST_APPLIED}


def _pod_specs(manifest: Manifest) -> Iterator[Manifest]:
    """The pod spec of a pod, a workload's template, or a cron job's."""
    spec = manifest.get("spec")
    if not isinstance(spec, dict):
        return
    if manifest["kind"] == "Pod":
        yield spec
    for template in (spec.get("template"), _path(spec, "jobTemplate", "spec", "template")):
        if isinstance(template, dict) and isinstance(template.get("spec"), dict):
            yield template["spec"]


def _seal_fields(manifest: Manifest, fields: tuple[str, ...], seal: Callable[[str, str], str]) -> None:
    for field in fields:
        if values := manifest.get(field):
            manifest[field] = {k: seal(k, v) for k, v in values.items()}


def _seal_pod_spec(spec: Manifest | None, sealer: Sealer) -> None:
    for field in ("containers", "initContainers", "ephemeralContainers"):
        for container in (spec or {}).get(field) or ():
            for variable in container.get("env") or ():
                if value := variable.get("value"):
                    variable["value"] = _seal_named(variable.get("name", ""), value, sealer)
            for words in ("args", "command"):
                if container.get(words):
                    container[words] = [_seal_shaped(word, sealer) for word in container[words]]


def _seal_named(name: str, value: str, sealer: Sealer) -> str:
    return sealer.seal(value) if value and is_secret_name(name) else _seal_shaped(value, sealer)


def _seal_shaped(value: str, sealer: Sealer) -> str:
    """Seal a text as a whole when part of it looks like a secret; a very long one already when it may."""
    if not value or is_sealed(value) or not _HINT.search(value):
        return value
    return sealer.seal(value) if len(value) > _LONG or redact_text(value) != value else value


def _redact_status(manifest: Manifest) -> None:
    status = manifest.get("status")
    if not isinstance(status, dict):
        return
    _redact(status, "message")
    for condition in status.get("conditions") or ():
        _redact(condition, "message")
    for field in ("containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses"):
        for container in status.get(field) or ():
            for moment in ("state", "lastState"):
                for state in (container.get(moment) or {}).values():
                    if isinstance(state, dict):
                        _redact(state, "message")


def _redact(holder: Manifest, *fields: str) -> None:
    for field in fields:
        if isinstance(text := holder.get(field), str):
            holder[field] = redact_text(text[:4096])


def _path(value: Any, *keys: str) -> Any:
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value
