"""`suture classify`: what type of failure each log snippet shows. Lines of JSON in, one answer a line out, in order."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from suture.domain.failure import Failure, FailureClass

Json = Annotated[bool, typer.Option("--json", help="One JSON object a line: id, label, probabilities.")]
Explain = Annotated[
    bool, typer.Option("--explain", help="With --json also: abstained, top3, and the words that decided.")
]


def classify(as_json: Json = False, explain: Explain = False) -> None:
    """Name the type of failure of each {"id", "text"} line on standard input.

    A line may also hold "context" (code or a manifest) and "metadata" (stage, exit_code, reason, cpu, memory, disk).
    """
    from models.classifier import FailureClassifier

    if sys.stdin.isatty():
        print('reading {"id": ..., "text": ...} lines; end with Ctrl-D', file=sys.stderr)
    model = FailureClassifier.open()
    for name, failure in _read():
        found = model.classify(failure, explain=explain or not as_json)
        if as_json:
            print(json.dumps(_document(name, found, explain)), flush=True)
        else:
            _tell(name, found)


def _read() -> Iterator[tuple[Any, Failure]]:
    sys.stdin.reconfigure(encoding="utf-8", errors="replace")  # type: ignore[union-attr]
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    for number, line in enumerate(sys.stdin, 1):
        if line.strip():
            yield _parse(number, line)


def _parse(number: int, line: str) -> tuple[Any, Failure]:
    from suture.cli.problems import WrongUse
    from suture.domain.failure import Failure

    try:
        found = json.loads(line)
    except ValueError as e:
        raise WrongUse(
            f"line {number} is not JSON: {e}", 'write one object a line: {"id": 1, "text": "..."}'
        ) from e
    text = found.get("text") if isinstance(found, dict) else None
    if not isinstance(text, str):
        raise WrongUse(f"line {number} has no text", 'write one object a line: {"id": 1, "text": "..."}')
    context, metadata = found.get("context"), found.get("metadata")
    failure = Failure(
        text,
        context if isinstance(context, str) else "",
        metadata if isinstance(metadata, dict) else {},
    )
    return found.get("id", number), failure


def _document(name: Any, found: FailureClass, explain: bool) -> dict[str, Any]:
    probabilities = {k: round(p, 6) for k, p in found.probabilities.items()}
    document = {"id": name, "label": found.label, "probabilities": probabilities}
    if explain:
        document |= {
            "abstained": found.abstained,
            "top3": found.top(3),
            "words": [list(w) for w in found.words],
        }
    return document


def _tell(name: Any, found: FailureClass) -> None:
    second = found.top(2)[1]
    unsure = "  unsure: a person should look" if found.abstained else ""
    print(
        f"{name}  {found.label} {found.confidence:.0%}  (then {second} {found.probabilities[second]:.0%}){unsure}"
    )
    if found.words:
        print(f"   because of {', '.join(repr(word) for word, _ in found.words)}", flush=True)
