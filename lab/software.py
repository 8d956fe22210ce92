"""The hidden truth about the programs: what they need, stored per namespace where only the lab reads it.

The kubelet reads `rules/NAMESPACE.json` in the lab's directory. Tests and scenarios write it with the
functions here; the engine under test must never look.
"""

from __future__ import annotations

import copy
import json
import os
from pathlib import Path
from typing import Any

from lab.objects import Obj


def rules_file(home: Path, namespace: str) -> Path:
    """Where the software of a namespace is described."""
    return home / "rules" / f"{namespace}.json"


def read_software(home: Path, namespace: str) -> Obj:
    """The description of a namespace's software (empty when there is none)."""
    file = rules_file(home, namespace)
    return dict(json.loads(file.read_text())) if file.exists() else {}


def set_software(home: Path, namespace: str, software: Obj) -> None:
    """Replace the description; the kubelet acts on it with its next tick."""
    file = rules_file(home, namespace)
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_suffix(f".{os.getpid()}.tmp")
    draft.write_text(json.dumps(software))
    draft.replace(file)


def clear_software(home: Path, namespace: str) -> None:
    """Forget the namespace: what runs there is healthy from now on."""
    rules_file(home, namespace).unlink(missing_ok=True)


def merged(software: Obj, extra: Obj) -> Obj:
    """`extra` over `software`: programs field by field, lists (rules, routes) appended."""
    out = copy.deepcopy(software)
    for key, value in extra.items():
        known: Any = out.get(key)
        if isinstance(value, dict) and isinstance(known, dict):
            known.update(copy.deepcopy(value))
        elif isinstance(value, list):
            out[key] = (known or []) + copy.deepcopy(value)
        else:
            out[key] = copy.deepcopy(value)
    return out


def merge_software(home: Path, namespace: str, extra: Obj) -> None:
    """Merge something over the description of a namespace."""
    set_software(home, namespace, merged(read_software(home, namespace), extra))


def break_image(
    home: Path,
    namespace: str,
    app: str,
    image: str,
    message: str,
    *,
    exit_code: int = 1,
    reason: str = "Error",
) -> None:
    """From now on containers of `app` with this image (a glob) crash and say `message`."""
    bad = dict(read_software(home, namespace).get(app, {}).get("bad_images") or {})
    bad[image] = {"fate": "crash", "reason": reason, "exit": exit_code, "message": message}
    merge_software(home, namespace, {app: {"bad_images": bad}})


class SoftwareFiles:
    """The descriptions of all namespaces, read again only when a file has changed."""

    def __init__(self, home: Path) -> None:
        self._folder = home / "rules"
        self._stamps: dict[str, tuple[int, int]] = {}
        self.by_namespace: dict[str, Obj] = {}
        self.version = 0

    def refresh(self) -> None:
        """Look for changed files."""
        stamps = (
            {
                e.name[:-5]: (e.stat().st_mtime_ns, e.stat().st_size)
                for e in os.scandir(self._folder)
                if e.name.endswith(".json")
            }
            if self._folder.is_dir()
            else {}
        )
        if stamps == self._stamps:
            return
        fresh = {ns: self.by_namespace[ns] for ns in stamps if self._stamps.get(ns) == stamps[ns]}
        for namespace in stamps.keys() - fresh.keys():
            fresh[namespace] = json.loads((self._folder / f"{namespace}.json").read_text())
        self._stamps, self.by_namespace = stamps, fresh
        self.version += 1
