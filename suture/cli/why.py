"""`suture why`: what an object depends on, what is broken there, what changed, and what would mend it. Only looks."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from suture.cli.causes import Answer
    from suture.domain.diagnosis import Hypothesis
    from suture.domain.target import ObjectRef

Object = Annotated[str, typer.Argument(metavar="KIND/NAME", help="For example deployment/web or svc/web.")]
Namespace = Annotated[str, typer.Option("--namespace", "-n", metavar="NS", help="Where the object is.")]
Hours = Annotated[float, typer.Option(metavar="HOURS", min=0, help="How far back changes count.")]
Depth = Annotated[int, typer.Option(min=1, max=12, help="How far dependencies are followed.")]
Alert = Annotated[
    str, typer.Option(metavar="NAME", help="As if this alert spoke of it, for example HighErrorRate.")
]
All = Annotated[bool, typer.Option("--all", help="Show every dependency.")]
Json = Annotated[bool, typer.Option("--json", help="As JSON.")]
_MOST_CHANGES, _MOST_HYPOTHESES, _MOST_WHYS = 10, 8, 6


def why(
    name: Object,
    namespace: Namespace = "default",
    since: Hours = 24,
    depth: Depth = 4,
    alert: Alert = "",
    everything: All = False,
    as_json: Json = False,
) -> None:
    """Tell why an object is as it is: dependencies, changes and likely causes. Changes nothing."""
    from suture.cli import attach, naming, output

    ref = naming.parse(name, namespace)
    answer = attach.run(_answer(ref, timedelta(hours=since), depth, alert))
    if as_json:
        output.as_json(_document(answer))
    else:
        _tell(answer, everything)


async def _answer(ref: ObjectRef, since: timedelta, depth: int, alert: str) -> Answer:
    from activities.past import LOOK_BACK
    from suture.cli import attach, reading

    async with reading.sources(attach.find(), ref.namespace, max(since, LOOK_BACK)) as found:
        from suture.cli import causes

        return await causes.ask(found, ref, since, depth, alert)


def _tell(answer: Answer, everything: bool) -> None:
    from suture.cli import surroundings
    from suture.cli.output import heading
    from suture.domain.diagnosis import Health

    found = answer.detection
    but = ", but not all around it is in order" if answer.broken and found.health is Health.HEALTHY else ""
    print(f"{answer.target}: {found.health}{but}. {found.summary.removeprefix(f'{answer.target}: ')}")
    heading("Depends on")
    surroundings.show(surroundings.tree(answer, everything))
    if answer.affected:
        shown = ", ".join(map(str, answer.affected[:5]))
        more = f" and {len(answer.affected) - 5} more" if len(answer.affected) > 5 else ""
        heading("Takes down")
        print(f"  {shown}{more}")
    heading("Broken")
    _list(_broken(answer), "nothing that can be seen")
    heading("Changed")
    _list(
        _changed(answer),
        "nothing" if answer.remembers else "not known: there is no ledger (`suture up` keeps one)",
    )
    heading("Likely causes")
    _list(_causes(answer), "none: nothing is visibly wrong with it (--alert NAME says what pods cannot show)")


def _list(lines: list[str], otherwise: str) -> None:
    for line in lines or [otherwise]:
        print(f"  {line}")


def _broken(answer: Answer) -> list[str]:
    edges = [f"{e}: {e.note}" for e in answer.broken]
    told = [f"{s.object}: {s.message or s.reason}" for of in answer.trouble.values() for s in of]
    return list(dict.fromkeys([*edges, *told]))


def _changed(answer: Answer) -> list[str]:
    from suture.cli.output import age

    found = [
        f"{age(c.at)} ago  {c.object}  {c.fields}{f'  by {c.by}' if c.by else ''}" for c in answer.changes
    ]
    more = len(found) - _MOST_CHANGES
    return [*found[:_MOST_CHANGES], *([f"and {more} more (--json has all)"] if more > 0 else [])]


def _causes(answer: Answer) -> list[str]:
    found: list[str] = []
    for number, hypothesis in enumerate(answer.classification.hypotheses[:_MOST_HYPOTHESES], 1):
        found += _cause(number, hypothesis)
    return found


def _cause(number: int, hypothesis: Hypothesis) -> list[str]:
    plan = hypothesis.plan
    would = f"{plan.describe()} (risk {plan.risk})" if plan else "none: a person has to look"
    return [
        f"{number}. {hypothesis.confidence:.0%}  {hypothesis.cause}  [{hypothesis.origin}]",
        f"   plan  {would}",
        *(f"   why   {reason}" for reason in hypothesis.why[:_MOST_WHYS]),
    ]


def _document(answer: Answer) -> dict[str, Any]:
    """The answer for programs; dependencies are nearest first."""
    found = answer.detection
    return {
        "object": str(answer.ref),
        "exists": answer.snapshot.find(answer.ref) is not None,
        "target": str(answer.target),
        "health": found.health,
        "summary": found.summary,
        "symptoms": [s.model_dump(mode="json") for s in found.symptoms],
        "dependencies": [
            {
                "object": str(ref),
                "distance": reach.distance,
                "sentence": reach.sentence,
                "note": reach.path[-1].note if reach.path else "",
                "ok": all(e.ok for e in reach.path[-1:]) and ref not in answer.trouble,
                "symptoms": [s.message or s.reason for s in answer.trouble.get(ref, [])],
            }
            for ref, reach in answer.around.items()
        ],
        "broken": _broken(answer),
        "affected": [str(r) for r in answer.affected],
        "ledger": answer.remembers,
        "changes": [
            {"object": str(c.object), "at": c.at, "by": c.by, "fields": c.fields, "distance": c.distance}
            for c in answer.changes
        ],
        "hypotheses": [h.model_dump(mode="json") for h in answer.classification.hypotheses],
    }
