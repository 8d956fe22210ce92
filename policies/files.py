"""Rules as data: read a YAML file, check it, and name the file and the line of everything that is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from suture.domain.errors import Invalid

M = TypeVar("M", bound=BaseModel)


def read(path: Path, model: type[M], what: str) -> tuple[M, str]:
    """The checked content and the text; raises Invalid that names the file, the line and what to do."""
    try:
        text = path.read_text()
    except OSError as e:
        raise Invalid(f"cannot read the {what} {path}: {e.strerror}") from e
    try:
        node = yaml.compose(text)
        return model.model_validate(yaml.safe_load(text)), text
    except yaml.YAMLError as e:
        raise Invalid(f"{path} is not YAML: {e}") from e
    except ValidationError as e:
        found = [
            f"line {line(node, err['loc'])}: {'.'.join(map(str, err['loc']))}: {err['msg']}"
            for err in e.errors()
        ]
        raise Invalid(f"the {what} {path} is not valid:\n  " + "\n  ".join(found)) from e


def line(node: yaml.Node | None, location: tuple[int | str, ...]) -> int:
    """The line (from 1) where a validation error's location begins; the nearest parent when the key is missing."""
    for part in location:
        if isinstance(node, yaml.MappingNode):
            below = next(((k, v) for k, v in node.value if k.value == str(part)), None)
            if below is None:
                break
            node = below[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
    return node.start_mark.line + 1 if node else 1
