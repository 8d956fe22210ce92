"""`suture anomaly`: score rows of metrics against healthy ones, from files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

app = typer.Typer(help="Find anomalies in metrics.", no_args_is_help=True)
_FILE = (
    "an .npz with one array of rows x metrics, or with one named {role}, data, values or rows; NaN: missing"
)


@app.callback()
def group() -> None:
    """Find anomalies in metrics."""


@app.command()
def score(
    train: Annotated[Path, typer.Option(metavar="FILE", help=f"Healthy rows: {_FILE.format(role='train')}.")],
    test: Annotated[Path, typer.Option(metavar="FILE", help=f"Rows to score: {_FILE.format(role='test')}.")],
    method: Annotated[
        str, typer.Option(help="Which detector; an unknown name lists them.")
    ] = "multiscale-pca",
    causal: Annotated[
        bool, typer.Option("--causal", help="Use nothing after a row, as while it streams.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="All scores as one JSON document.")] = False,
) -> None:
    """Score every row of TEST; the threshold comes from TRAIN alone."""
    from models.anomaly.base import top_contributions
    from models.anomaly.catalogue import detector
    from models.anomaly.data import read_rows
    from suture.cli import output

    fitted = detector(method).fit(read_rows(train, "train"))
    scores = fitted.score(read_rows(test, "test"), causal=causal)
    strange = int((scores.total > fitted.threshold).sum())
    top = top_contributions(scores)
    if as_json:
        output.as_line(
            {
                "scores": [round(float(s), 6) for s in scores.total],
                "threshold": fitted.threshold,
                "method": fitted.name,
                "anomalous_rows": strange,
                "top": top,
            }
        )
        return
    print(
        f"{strange} of {output.count(len(scores.total), 'row')} above {fitted.threshold:.3g} ({fitted.name})"
    )
    output.table(["ROW", "SCORE", "METRICS"], [_row(entry) for entry in top])


def _row(entry: dict[str, Any]) -> list[str]:
    metrics = ", ".join(f"{m} {part:.0%}" for m, part in entry["contributions"].items())
    return [str(entry["row"]), f"{entry['score']:.3g}", metrics]
