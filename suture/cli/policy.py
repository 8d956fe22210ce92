"""`suture policy`: check policies, test them, explain what they decided, and see what others would have decided."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from datetime import datetime

    from policies.trial import Again
    from policies.verdict import PolicyEngine
    from suture.cli.attach import Installation
    from suture.domain.incident import Attempt, IncidentRecord
    from suture.settings import Settings

app = typer.Typer(help="Check, test, explain and replay policies.", no_args_is_help=True)
Files = Annotated[list[Path], typer.Argument(metavar="FILE...", help="Policy files.")]
Policies = Annotated[
    list[Path] | None,
    typer.Option("--policy", metavar="FILE", help="Policies to test; default: those that the fixtures name."),
]
Json = Annotated[bool, typer.Option("--json", help="As JSON.")]
Since = Annotated[str, typer.Option(metavar="AGE", help="How far back, for example 12h, 30d or 2026-07-01.")]
Id = Annotated[
    str,
    typer.Argument(metavar="ID", help="Incident id or its beginning, workflow id, or namespace/kind/name."),
]


@app.command()
def lint(files: Files) -> None:
    """Check policy files: structure, expressions, names and types. Exit code 1 when one is wrong."""
    from policies.rules import load_policy
    from suture.cli.output import count
    from suture.domain.errors import Invalid

    wrong = 0
    for file in files:
        try:
            policy = load_policy(file)
        except Invalid as e:
            wrong += 1
            print(e)
        else:
            print(f"{file}: {count(len(policy.rules), 'rule')}, hash {policy.hash}")
    raise typer.Exit(1 if wrong else 0)


@app.command()
def test(
    fixtures: Annotated[Path, typer.Argument(metavar="FIXTURES", help="A YAML file of cases.")],
    policies: Policies = None,
) -> None:
    """Decide the cases of a file and compare. Exit code 1 when one is decided otherwise."""
    from policies.trial import Fixtures
    from suture.cli import config

    read = Fixtures.load(fixtures)
    engine = _engine(config.load(), policies or read.policies)
    failed = 0
    for case in read.cases:
        try:
            told = case.expect.differences(engine.decide(case.given.facts()))
        except ValueError as e:
            told = [str(e)]
        failed += bool(told)
        print(f"{'FAILED' if told else 'ok':<6}  {case.name}")
        for line in told:
            print(f"        {line}")
    print(f"{len(read.cases) - failed} of {len(read.cases)} cases as expected")
    raise typer.Exit(1 if failed else 0)


@app.command()
def explain(incident: Id, as_json: Json = False) -> None:
    """Tell which rules applied to an incident's plans, and the values they saw."""
    from suture.cli import attach, output, show

    _, record = attach.run(show.find(incident))
    told = [_explained(number, attempt, record) for number, attempt in enumerate(record.attempts, 1)]
    if as_json:
        output.as_json(told)
        return
    if not told:
        print(f"no plan of {record.incident_id} was decided")
    for one in told:
        output.heading(f"Attempt {one['attempt']}: {one['plan']}")
        for line in _lines(one):
            print(f"  {line}")


@app.command()
def replay(files: Files, since: Since = "30d", as_json: Json = False) -> None:
    """Decide past incidents anew, from what was known then: which would have been decided otherwise?"""
    from suture.cli import attach, export, output

    installation = attach.find()
    engine = _engine(installation.settings, files)
    found, silent = attach.run(_again(installation, engine, export.moment(since)))
    changed = [a for a in found if a.differs]
    if as_json:
        output.as_json(
            {"decisions": len(found), "unknown": silent, "changed": [a.model_dump() for a in changed]}
        )
        return
    columns = ("INCIDENT", "ATTEMPT", "PLAN", "BEFORE", "AFTER", "WHY")
    rows = [(a.incident_id, str(a.attempt), a.plan, a.before, a.after, "; ".join(a.why)) for a in changed]
    if rows:
        output.table(columns, rows)
        print()
    for (before, after), number in Counter((a.before, a.after) for a in changed).most_common():
        print(f"{number:>5}  {before} -> {after}")
    print(f"{len(changed)} of {output.count(len(found), 'decision')} would have been otherwise")
    if silent:
        print(f"{output.count(silent, 'decision')} of older versions cannot be made again")


def _engine(settings: Settings, files: Sequence[Path]) -> PolicyEngine:
    """These policies with the installation's guardrails, people and time zone; its own policies when none are named."""
    from worker import bootstrap

    return bootstrap.policies(settings.model_copy(update={"policies": list(files), "autopilot": False})
                              if files else settings).engine()  # fmt: skip


async def _again(
    installation: Installation, engine: PolicyEngine, since: datetime
) -> tuple[list[Again], int]:
    from policies import trial

    found: list[Again] = []
    silent = 0
    async for record in _records(installation, since):
        made = trial.again(record, engine)
        found += made
        silent += sum(a.verdict is not None for a in record.attempts) - len(made)
    return found, silent


async def _records(installation: Installation, since: datetime) -> AsyncIterator[IncidentRecord]:
    from suture.cli import history
    from suture.cli.problems import Failure
    from suture.memory.queries import records

    async with history.opened(installation) as memory:
        if memory is None:
            raise Failure(
                f"there is no database yet at {installation.settings.database_url}", "start `suture up` once"
            )
        async for record in records(memory, since):
            yield record


def _explained(number: int, attempt: Attempt, record: IncidentRecord) -> dict[str, Any]:
    from policies import trial

    facts, verdict = attempt.facts(record), attempt.verdict
    plan = facts.plan if facts else attempt.hypothesis.plan
    rules = verdict.matched if verdict else []
    conditions = verdict.conditions if verdict else {}
    return {
        "attempt": number,
        "plan": plan.describe() if plan else "no plan",
        "verdict": trial.brief(verdict) if verdict else "not decided",
        "policies": verdict.policy_hash if verdict else "",
        "decided_at": facts.at if facts else None,
        "reasons": verdict.reasons if verdict else [],
        "modifications": verdict.modifications if verdict else [],
        "rules": [
            {
                "name": name,
                "when": conditions.get(name, ""),
                "saw": trial.values(conditions[name], facts) if facts and name in conditions else {},
            }
            for name in rules
        ],
    }


def _lines(one: dict[str, Any]) -> list[str]:
    import json

    found = [f"verdict   {one['verdict']} (policies {one['policies'] or '-'})"]
    found += [f"because   {reason}" for reason in one["reasons"]]
    found += [f"modified  {change}" for change in one["modifications"]]
    found += [] if one["rules"] else ["no rule applied"]
    for rule in one["rules"]:
        found.append(
            f"rule      {rule['name']}: {' '.join(rule['when'].split()) or '(its text is not kept)'}"
        )
        found += [
            f"          {path} = {json.dumps(value, default=str)}" for path, value in rule["saw"].items()
        ]
    return found
