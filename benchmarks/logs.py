"""How many log lines a second one core analyses, beside a loop over the same lines that only strips and counts them.

Each form of line is measured from nothing, so that parsing, masking and building the tree are in the figure.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from benchmarks.figures import Figure, percentile
from models.logs.analyser import StreamAnalyser
from models.logs.drain import Drain
from models.logs.evaluation import grouping_accuracy
from models.logs.header import read
from models.logs.masks import mask
from models.logs.synthetic import FORMS, lines

LINES, ROUNDS = 100_000, 3


def measure() -> list[Figure]:
    """Rates by form of line, and how well lines of known templates are grouped."""
    return [figure for form in FORMS for figure in _form(form)]


def _form(form: str) -> list[Figure]:
    made = list(lines(LINES, form))
    texts = [text for text, _ in made]
    plain = _rate(_count, texts)
    analysed = _rate(lambda t: StreamAnalyser(year=2026).feed(t), texts)
    drain = Drain()
    groups = [drain.add(mask(read(text).text).split()) for text, _ in made[:5000]]
    accuracy = grouping_accuracy([g.current.id for g in groups], [name for _, name in made[:5000]])
    goal = ">= 50000 lines/s"
    return [
        Figure(
            f"log lines analysed, {form}", analysed, "lines/s", plain, "plain loop", goal=goal, lower=False
        ),
        Figure(f"grouping accuracy, {form}", 100 * accuracy, "%", goal=">= 86.5 %", lower=False),
    ]


def _count(texts: Sequence[str]) -> None:
    characters = 0
    for text in texts:
        characters += len(text.rstrip())


def _rate(work: Callable[[Sequence[str]], None], texts: Sequence[str]) -> float:
    """Lines a second of processor time: what others do on the machine does not count."""
    rates = []
    for _ in range(ROUNDS):
        begun = time.process_time()
        work(texts)
        rates.append(len(texts) / (time.process_time() - begun))
    return percentile(rates, 0.5)
