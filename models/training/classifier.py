"""Trains the failure classifier: every candidate under grouped cross-validation, the best one calibrated and saved.

The served form is linear. Should another candidate win by more than the noise, training says so and fails.
"""

from __future__ import annotations

import hashlib
import time
from pathlib import Path
from typing import Any, Final

import numpy as np

from models import artifact, classifier, features
from models.cues import CUES
from models.taxonomy import LABELS
from models.training import corpus, generate, validation
from models.training.candidates import (
    CANDIDATES,
    CONTEXT_SCALE,
    CUE_SCALE,
    METADATA_SCALE,
    MODALITIES,
    SERVED,
    Candidate,
    Linear,
    machine,
)  # fmt: skip
from models.training.design import Design, Floats, Integers, build
from models.training.log import say

VERSION: Final = "1.0.0"
TIE: Final = 0.01  # macro-F1: what is closer is noise between seeds, and the simpler one is taken
_CODE: Final = (
    "text.py",
    "features.py",
    "cues.py",
    "taxonomy.py",
    "training/candidates.py",
    "training/design.py",
)


class LostError(RuntimeError):
    """The form that is served is no longer the best of the candidates; the message names the one that is."""


def train(folder: Path = artifact.ARTIFACTS) -> dict[str, Any]:
    """Compare, choose, fit on everything, save; returns the metrics that the manifest holds."""
    design = build(generate.examples())
    say(f"{len(design)} examples of {len(corpus.families())} families")
    compared = {c.name: compare(c, design) for c in CANDIDATES}
    best = choose(compared)
    say(f"chosen: {best}")
    scores, labels, groups = out_of_fold(_served(), design, design.programs)
    factor = validation.sharpness(scores, labels)
    limit, coverage = validation.threshold(validation.calibrated(scores, labels, groups), labels)
    metrics = {"candidates": compared, "best": best, "abstention_coverage": round(coverage, 4)}
    linear = Linear(design, MODALITIES, machine())
    artifact.save(classifier.NAME, tensors(linear), describe(factor, limit, metrics), folder)
    if best != SERVED:
        raise LostError(f"{SERVED} is served, but {best} is better: let models/classifier.py serve that")
    return metrics


def choose(compared: dict[str, Any]) -> str:
    """The name of the best by macro-F1, text alone and all modalities counting alike; a tie goes to the simpler."""
    worth = {
        n: (f["by_family"]["macro_f1"] + f["all_modalities"]["macro_f1"]) / 2 for n, f in compared.items()
    }
    near = [c for c in CANDIDATES if c.name in worth and worth[c.name] >= max(worth.values()) - TIE]
    return min(near, key=lambda c: c.simplicity).name


def compare(candidate: Candidate, design: Design) -> dict[str, Any]:
    """The candidate's figures on text alone, by family and by program, and on all modalities, by family."""
    began = time.monotonic()
    found: dict[str, Any] = {}
    for view, groups in (("by_family", design.families), ("by_program", design.programs)):
        places = validation.folds(groups)
        text, everything = np.zeros((2, len(design), len(LABELS)))
        for fold in range(validation.FOLDS):
            fitted, held = (
                candidate.fit(design.rows(np.flatnonzero(places != fold))),
                np.flatnonzero(places == fold),
            )
            text[held] = fitted.scores(design.rows(held).text_only())
            everything[held] = fitted.scores(design.rows(held))
        found[view] = _figures(text, design, groups)
        if view == "by_family":
            found["all_modalities"] = _figures(everything, design, groups)
    shown = {k: f"{v['macro_f1']:.3f} hard {v['hard_macro_f1']:.3f}" for k, v in found.items()}
    say(f"{candidate.name}: {shown} in {time.monotonic() - began:.0f} s")
    return found


def out_of_fold(candidate: Candidate, design: Design, groups: Any) -> tuple[Floats, Integers, Any]:
    """Scores of held-out groups, seen once with text alone and once with all there is; labels and groups beside.
    Programs are the groups that calibration is set on: what is served meets other people's programs."""
    places, parts = validation.folds(groups), []
    for fold in range(validation.FOLDS):
        fitted = candidate.fit(design.rows(np.flatnonzero(places != fold)))
        rows = np.flatnonzero(places == fold)
        held = design.rows(rows)
        parts += [(fitted.scores(view), held.labels, groups[rows]) for view in (held.text_only(), held)]
    scores, labels, names = (np.concatenate(p) for p in zip(*parts, strict=True))
    return scores, labels, names


def tensors(linear: Linear) -> artifact.Tensors:
    """The layer, cut into its blocks and with each block's scale inside; half precision."""
    sizes = (
        features.WORD_COLUMNS,
        features.CHARACTER_COLUMNS,
        len(CUES),
        features.CONTEXT_COLUMNS,
        features.METADATA_COLUMNS,
    )
    scales = (1.0, 1.0, CUE_SCALE, CONTEXT_SCALE, METADATA_SCALE)
    names = ("word_weights", "character_weights", "cue_weights", "context_weights", "metadata_weights")
    blocks = np.split(linear.model.coef_.T, np.cumsum(sizes)[:-1])
    found = {n: (b * s).astype(np.float16) for n, b, s in zip(names, blocks, scales, strict=True)}
    rarities = {"word_rarity": linear.word_rarity, "character_rarity": linear.character_rarity}
    bias = {"bias": linear.model.intercept_.astype(np.float32)}
    return found | {k: v.astype(np.float16) for k, v in rarities.items()} | bias


def describe(factor: float, limit: float, metrics: dict[str, Any]) -> dict[str, Any]:
    """The manifest without the file's hash."""
    code = hashlib.sha256(
        b"".join((Path(classifier.__file__).parent / c).read_bytes() for c in _CODE)
    ).hexdigest()
    return {
        "version": VERSION,
        "data_version": corpus.VERSION,
        "data_sha256": generate.fingerprint(),
        "code_sha256": code,
        "labels": list(LABELS),
        "served": SERVED,
        "sharpness": round(factor, 6),
        "threshold": round(limit, 6),
        "metrics": metrics,
    }


def _figures(scores: Floats, design: Design, groups: Any) -> dict[str, float]:
    return validation.judge(validation.calibrated(scores, design.labels, groups), design.labels, design.hard)


def _served() -> Candidate:
    return next(c for c in CANDIDATES if c.name == SERVED)
