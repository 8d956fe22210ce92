"""From families to examples: slots filled, noise around, context and metadata sometimes missing; the same for one seed."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import yaml

from models.features import READINGS, REASONS, STAGES
from models.taxonomy import TYPES, FailureType
from models.training import noise, slots
from models.training.corpus import DATA, VERSION, Family, families
from suture.domain.failure import Failure

VARIANTS: Final = 3
_WITH_METADATA, _WITH_CONTEXT, _TRUE_TO_TYPE = 0.45, 0.4, 0.7


@dataclass(frozen=True)
class Example:
    """A generated failure, its label, and the family that it must not be separated from."""

    failure: Failure
    label: int
    family: int
    hard: bool


def examples(variants: int = VARIANTS, seed: int = 0, of: Sequence[Family] | None = None) -> list[Example]:
    """`variants` examples of each family; the first is the bare message."""
    return [
        Example(
            _vary(f, number, random.Random(f"{seed}/{f.id}/{number}")), TYPES.index(f.type), index, f.hard
        )
        for index, f in enumerate(families() if of is None else of)
        for number in range(variants)
    ]


@lru_cache(maxsize=1)
def fingerprint() -> str:
    """SHA-256 over all that is learned from: version, families and every example that seed 0 makes of them."""
    digest = hashlib.sha256(VERSION.encode())
    for example in examples():
        failure = example.failure
        digest.update(
            repr((example.label, failure.text, failure.context, sorted(failure.metadata.items()))).encode()
        )
    return digest.hexdigest()


def _vary(family: Family, number: int, draw: random.Random) -> Failure:
    message = slots.fill(family.text, draw)
    lines = message.split("\n")
    if number and len(lines) > 3 and draw.random() < 0.5:  # a snippet often shows a part only
        kept = draw.randint(2, len(lines))
        start = draw.randint(0, len(lines) - kept)
        message = "\n".join(lines[start : start + kept])
    if number >= 2:
        message = noise.as_json(message, draw) if draw.random() < 0.1 else noise.around(message, draw)
    return Failure(message, _context(family, draw), _metadata(family, draw))


@lru_cache(maxsize=1)
def _contexts() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in (DATA / "contexts.txt").read_text(encoding="utf-8").strip().split("\n"):
        kind, _, text = line.partition(": ")
        found.setdefault(kind, []).append(text.replace("\\n", "\n"))
    return found


def _context(family: Family, draw: random.Random) -> str:
    if draw.random() >= _WITH_CONTEXT:
        return ""
    if family.context and draw.random() < _TRUE_TO_TYPE:
        return slots.fill(family.context, draw)
    kind = str(family.type) if draw.random() < _TRUE_TO_TYPE else "any"
    return slots.fill(draw.choice(_contexts()[kind]), draw)


@lru_cache(maxsize=1)
def _priors() -> dict[str, dict[str, Any]]:
    priors = yaml.safe_load((DATA / "metadata.yaml").read_text(encoding="utf-8"))
    if set(priors) != set(FailureType):
        raise ValueError("metadata.yaml must have exactly the types of the taxonomy")
    return dict(priors)


def _metadata(family: Family, draw: random.Random) -> dict[str, Any]:
    if draw.random() >= _WITH_METADATA:
        return {}
    prior = _priors()[family.type]
    found: dict[str, Any] = {
        "stage": _weighted(prior.get("stage"), STAGES, draw),
        "exit_code": _weighted(prior.get("exit_code"), (0, 1), draw),
        "reason": _weighted(prior.get("reason"), REASONS, draw) if draw.random() < 0.5 else "",
        **{r: draw.uniform(*prior.get(r, (5, 95))) for r in READINGS if draw.random() < 0.5},
    }
    own = {
        ("exit_code" if k == "exit" else k): int(v) if v.isdecimal() else v
        for k, v in family.metadata.items()
    }
    return {k: v for k, v in (found | own).items() if v != "" and draw.random() < 0.8}


def _weighted(weights: dict[Any, int] | None, every: Sequence[Any], draw: random.Random) -> Any:
    if not weights or draw.random() > _TRUE_TO_TYPE:
        return draw.choice(every)
    return draw.choices(list(weights), list(weights.values()))[0]
