"""Artefacts of models: one safetensors file each, named by its SHA-256 and checked whenever it is read.

No pickle: a file from outside can hold numbers and text, never code.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from suture.domain.errors import Invalid, TargetNotFound

Arrays = dict[str, NDArray[Any]]
ABOUT = "suture"  # the one key of safetensors' header text under which our JSON stands


class ArtefactStore:
    """A folder of artefacts. Writing the same content twice is writing it once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, arrays: Mapping[str, NDArray[Any]], about: Mapping[str, Any]) -> str:
        """Keep named arrays with a JSON description; returns the SHA-256. Raises Invalid for NaN, infinities or no JSON."""
        data = encode(arrays, about)
        name = hashlib.sha256(data).hexdigest()
        target = self._path(name)
        if not target.exists():
            self._folder.mkdir(parents=True, exist_ok=True)
            partial = target.with_suffix(f".{os.getpid()}.partial")
            partial.write_bytes(data)
            partial.replace(target)
        return name

    def get(self, sha256: str) -> tuple[Arrays, dict[str, Any]]:
        """Arrays and description. Raises TargetNotFound when it is missing, Invalid when it is not what was written."""
        path = self._path(sha256)
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            raise TargetNotFound(
                f"the model artefact {path} is missing: train it again or restore the file"
            ) from None
        if hashlib.sha256(data).hexdigest() != sha256:
            raise Invalid(f"the model artefact {path} is damaged: its SHA-256 is another; train it again")
        return decode(data)

    def _path(self, sha256: str) -> Path:
        if len(sha256) != 64 or not set(sha256) <= set("0123456789abcdef"):
            raise Invalid(f"{sha256!r} is not a SHA-256")
        return self._folder / f"{sha256}.safetensors"


def encode(arrays: Mapping[str, NDArray[Any]], about: Mapping[str, Any]) -> bytes:
    """The bytes of an artefact; the same content always gives the same bytes."""
    from safetensors.numpy import save

    for name, array in arrays.items():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise Invalid(f"the array {name} holds NaN or infinity: the training went wrong")
    try:
        header = json.dumps(about, sort_keys=True, allow_nan=False)
    except (TypeError, ValueError) as e:
        raise Invalid(f"the description of the model is not JSON: {e}") from e
    ordered = {name: np.ascontiguousarray(arrays[name]) for name in sorted(arrays)}
    return bytes(save(ordered, metadata={ABOUT: header}))


def decode(data: bytes) -> tuple[Arrays, dict[str, Any]]:
    """The inverse of `encode`; raises Invalid for anything else."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        arrays: Arrays = load(data)
        size = int.from_bytes(data[:8], "little")
        about = json.loads(json.loads(data[8 : 8 + size])["__metadata__"][ABOUT])
    except (SafetensorError, KeyError, ValueError, TypeError) as e:
        raise Invalid(f"this is not an artefact of a model: {type(e).__name__}") from e
    return arrays, about
