"""Every detector on folders of labelled machines, with the published figures beside: `python -m models.anomaly.report FOLDER...`

A folder holds one .npz a machine with `train`, `test` and `label`; a `protocol.json` beside them says, machine by machine, how
many of the first test rows to train on instead (`train_rows`), the buffer of VUS-PR (`vus_window`) and what others published.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.anomaly.catalogue import DETECTORS, detector
from models.anomaly.evaluation import vus_pr

Array = NDArray[np.float64]
LAGS, BASE, BUFFER = 400, 3, 125  # of the published rule for the buffer


@dataclass(frozen=True)
class Case:
    """One machine under one protocol; `published` is the VUS-PR of others by name."""

    name: str
    train: Array
    test: Array
    label: NDArray[np.uint8]
    window: int
    published: dict[str, float]


@dataclass(frozen=True)
class Result:
    """VUS-PR in batch and causally; precision and recall of rows at the threshold; seconds to fit and to score."""

    machine: str
    method: str
    vus_pr: float
    causal: float
    precision: float
    recall: float
    fit_s: float
    score_s: float


def cases(folder: Path) -> Iterator[Case]:
    """The machines of a folder; with a protocol only those that it names."""
    file = folder / "protocol.json"
    protocol: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
    for path in sorted(folder.glob("*.npz")):
        if protocol and path.stem not in protocol:
            continue
        with np.load(path) as arrays:
            train, test, label = (arrays[k] for k in ("train", "test", "label"))
        rule = protocol.get(path.stem, {})
        if rows := rule.get("train_rows"):
            train, test, label = test[:rows], test[rows:], label[rows:]
        window = rule.get("vus_window") or period(test[:, 0])
        yield Case(
            path.stem,
            train.astype(float),
            test.astype(float),
            label,
            window,
            rule.get("published_VUS_PR", {}),
        )


def period(metric: Array) -> int:
    """The buffer of the published protocol: the lag of the highest peak of the first metric's autocorrelation, or 125."""
    centred = metric[:20_000] - metric[:20_000].mean()
    power = np.abs(np.fft.rfft(centred, 2 * len(centred))) ** 2
    lags = np.fft.irfft(power)[BASE : LAGS + 1]
    peaks = np.where((lags[1:-1] > lags[:-2]) & (lags[1:-1] > lags[2:]))[0] + 1
    best = int(peaks[np.argmax(lags[peaks])]) if len(peaks) else 0
    return best + BASE if 3 <= best <= 300 else BUFFER


def measure(case: Case, method: str) -> Result:
    """One detector on one machine; the threshold is the detector's own, from training rows."""
    begun = time.perf_counter()
    found = detector(method).fit(case.train)
    fitted = time.perf_counter()
    scores = found.score(case.test).total
    scored = time.perf_counter()
    causal = found.score(case.test, causal=True).total
    alarm, wrong = scores > found.threshold, case.label > 0
    return Result(
        machine=case.name,
        method=method,
        vus_pr=vus_pr(scores, case.label, case.window),
        causal=vus_pr(causal, case.label, case.window),
        precision=float((alarm & wrong).sum() / max(alarm.sum(), 1)),
        recall=float((alarm & wrong).sum() / wrong.sum()),
        fit_s=fitted - begun,
        score_s=scored - fitted,
    )


def table(found: Iterable[Case], results: list[Result]) -> str:
    """Markdown: VUS-PR of every method on every machine, chance and the best published beside."""
    listed = list(found)
    names = [c.name for c in listed]
    rows = [["method", *names, "mean", "causal mean"], ["---"] * (len(names) + 3)]
    chance = [vus_pr(np.random.default_rng(0).random(len(c.label)), c.label, c.window) for c in listed]
    rows.append(_row("random", chance, None))
    for method in dict.fromkeys(r.method for r in results):
        mine = {r.machine: r for r in results if r.method == method}
        rows.append(_row(method, [mine[n].vus_pr for n in names], [mine[n].causal for n in names]))
    for other in sorted({k for c in listed for k in c.published}):
        rows.append(_row(f"{other} (published)", [c.published.get(other, np.nan) for c in listed], None))
    return "\n".join("| " + " | ".join(r) + " |" for r in rows)


def _row(name: str, values: list[float], causal: list[float] | None) -> list[str]:
    mean = f"{np.mean(values):.3f}"
    return [name, *(f"{v:.3f}" for v in values), mean, f"{np.mean(causal):.3f}" if causal else ""]


def main(folders: list[str], methods: Iterable[str] = tuple(DETECTORS)) -> int:
    """Print one table a folder, and all figures as one JSON document on the last line."""
    if not folders:
        print(__doc__, file=sys.stderr)
        return 2
    everything: dict[str, list[dict[str, Any]]] = {}
    for folder in folders:
        listed = list(cases(Path(folder)))
        results = [measure(case, method) for method in methods for case in listed]
        everything[Path(folder).name] = [asdict(r) for r in results]
        print(f"\n{folder}\n\n{table(listed, results)}")
    print(json.dumps(everything))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
