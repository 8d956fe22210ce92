"""Trained models as files: tensors in safetensors, everything else in a JSON manifest that names their SHA-256.

Nothing is unpickled. A file that is missing, cut, or not the one that the manifest names is refused with what to do.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from suture.domain.errors import SutureError

ARTIFACTS: Final = Path(__file__).parent / "artifacts"
Tensors = dict[str, npt.NDArray[Any]]


class BadArtifact(SutureError):
    """A trained model cannot be used; the message names the file and the command that makes a new one."""


def save(
    name: str, tensors: Mapping[str, npt.NDArray[Any]], manifest: Mapping[str, Any], folder: Path = ARTIFACTS
) -> Path:
    """Write `name`.safetensors and `name`.json; returns the manifest's path. The same content gives the same bytes."""
    from safetensors.numpy import save as to_bytes

    folder.mkdir(parents=True, exist_ok=True)
    content = to_bytes({k: np.ascontiguousarray(v) for k, v in sorted(tensors.items())})
    (folder / f"{name}.safetensors").write_bytes(content)
    path = folder / f"{name}.json"
    document = {"name": name, **manifest, "sha256": hashlib.sha256(content).hexdigest()}
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return path


def load(name: str, folder: Path = ARTIFACTS) -> tuple[Tensors, dict[str, Any]]:
    """The tensors and the manifest. Raises BadArtifact."""
    from safetensors import SafetensorError
    from safetensors.numpy import load as from_bytes

    remedy = f"train it anew with `python -m models.training {name}`"
    try:
        manifest = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
        content = (folder / f"{name}.safetensors").read_bytes()
        expected = manifest["sha256"]
    except (OSError, ValueError, KeyError, TypeError) as e:
        raise BadArtifact(f"the model {name} in {folder} cannot be read ({e}); {remedy}") from e
    if hashlib.sha256(content).hexdigest() != expected:
        raise BadArtifact(
            f"{folder / name}.safetensors is not the file its manifest names (SHA-256 differs); {remedy}"
        )
    try:
        tensors = from_bytes(content)
    except SafetensorError as e:
        raise BadArtifact(f"{folder / name}.safetensors cannot be read ({e}); {remedy}") from e
    unsound = [k for k, v in tensors.items() if v.dtype.kind == "f" and not np.isfinite(v).all()]
    if unsound:
        raise BadArtifact(
            f"{folder / name}.safetensors holds no finite numbers in {', '.join(unsound)}; {remedy}"
        )
    return tensors, manifest
