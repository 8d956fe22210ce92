"""Running many scenarios: in parallel where they do not disturb each other, with a report at the end."""

from __future__ import annotations

import contextlib
import fnmatch
import json
import statistics
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

from lab.cluster import LabCluster, LabError
from lab.scenario.judge import Healer, Tell, Terms, Verdict, judge
from lab.scenario.model import load_scenario
from lab.scenario.observer import Observer

OWN = Path(__file__).resolve().parent.parent / "scenarios"


def files_of(places: Sequence[Path], only: str = "*") -> list[Path]:
    """The scenario files at these places (files or folders; none = the lab's own)."""
    files = [
        f for place in places or [OWN] for f in (sorted(place.glob("*.yaml")) if place.is_dir() else [place])
    ]
    missing = [str(f) for f in files if not f.is_file()]
    if missing:
        raise LabError(f"no such scenario: {', '.join(missing)}")
    return [f for f in files if fnmatch.fnmatch(f.stem, only)]


def run(
    cluster: LabCluster,
    files: Sequence[Path],
    heal: Healer,
    terms: Terms,
    jobs: int = 1,
    tell: Tell | None = None,
) -> list[Verdict]:
    """Judge each scenario, those that touch nodes one after the other at the end."""
    alone = {f for f in files if load_scenario(f).exclusive}  # reads every file before anything is started
    observer = Observer(cluster)
    observer.start()

    def one(file: Path) -> Verdict:
        verdict = judge(observer, file, heal, terms, *([tell] if tell else []))
        print(f"{line(verdict)}\n", end="", flush=True)  # one write: trials report at the same time
        return verdict

    try:
        with _breaking_off(ThreadPoolExecutor(jobs, "trial"), observer) as pool:
            verdicts = list(pool.map(one, [f for f in files if f not in alone]))
            return verdicts + [pool.submit(one, f).result() for f in files if f in alone]
    finally:
        observer.stop()


@contextlib.contextmanager
def _breaking_off(pool: ThreadPoolExecutor, observer: Observer) -> Iterator[ThreadPoolExecutor]:
    """A pool whose trials end at once, tidily, when the run is broken off (Ctrl-C)."""
    try:
        yield pool
    except BaseException:
        observer.halted.set()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def line(verdict: Verdict) -> str:
    """One verdict for people."""
    heal = "-" if verdict.heal_s is None else verdict.heal_s
    first = (
        f"{'PASS' if verdict.ok else 'FAIL'}  {verdict.name:40} {verdict.took:6.1f} s  heal {heal:>5}  "
        f"{verdict.note}"
    )
    return "\n".join([first.rstrip(), *(f"        changed: {text}" for text in verdict.collateral[:6])])


def totals(verdicts: Iterable[Verdict], wall: float) -> dict[str, Any]:
    """The figures of a run."""
    everything = list(verdicts)
    faults, controls = ([v for v in everything if v.control is kind] for kind in (False, True))
    good = [v for v in faults if v.ok]
    times = sorted(v.heal_s for v in good if v.heal_s is not None)
    return {
        "faults": len(faults),
        "healed": sum(v.healed for v in faults),
        "success": len(good),
        "success_percent": round(100 * len(good) / len(faults), 1) if faults else None,
        "with_collateral": sum(bool(v.collateral) for v in faults if v.healed),
        "controls": len(controls),
        "controls_ok": sum(v.ok for v in controls),
        "false_actions": sum(bool(v.collateral) for v in controls),
        "median_heal_s": round(statistics.median(times), 1) if times else None,
        "p95_heal_s": times[min(len(times) - 1, int(0.95 * len(times)))] if times else None,
        "wall_s": round(wall, 1),
    }


def report(
    cluster: LabCluster, files: Sequence[Path], heal: Healer, terms: Terms, jobs: int, out: Path | None = None
) -> bool:
    """Run, print the totals, and write everything as JSON if asked to. True if every trial went well."""
    began = time.monotonic()
    verdicts = run(cluster, files, heal, terms, jobs)
    figures = totals(verdicts, time.monotonic() - began)
    print("\n" + "  ".join(f"{key}={value}" for key, value in figures.items()))
    if out:
        document = {"totals": figures, "scenarios": [asdict(v) for v in verdicts]}
        out.write_text(json.dumps(document, indent=1, default=str))
    return all(v.ok for v in verdicts)
