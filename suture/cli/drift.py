"""`suture drift`: whether rows still come from where the reference came from, from files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

_FILE = (
    "an .npz with one array of rows x features, or with one named {role}, data, values or rows; NaN: missing"
)


def drift(
    reference: Annotated[Path, typer.Option(metavar="FILE", help=f"{_FILE.format(role='train')}.")],
    current: Annotated[Path, typer.Option(metavar="FILE", help=f"{_FILE.format(role='test')}.")],
    unordered: Annotated[
        bool,
        typer.Option("--unordered", help="Rows are independent (features, predictions), not a time series."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Everything as one JSON document.")] = False,
) -> None:
    """Compare CURRENT with REFERENCE: one verdict, and each feature's measures."""
    from dataclasses import asdict

    from models.anomaly.data import read_rows
    from models.drift.batch import compare
    from suture.cli import output

    found = compare(read_rows(reference, "train"), read_rows(current, "test"), ordered=not unordered)
    if as_json:
        output.as_line(asdict(found))
        return
    print(
        f"{'drift' if found.drifted else 'no drift'}: score {found.score:.2f} (1 is the limit) {found.reason}".rstrip()
    )
    most = sorted(found.features, key=lambda f: -f.psi)[:10]
    rows = [[f.name, *(f"{v:.3f}" for v in (f.psi, f.ks, f.js, f.step_psi))] for f in most]
    output.table(["FEATURE", "PSI", "KS", "JS", "STEP PSI"], rows)
