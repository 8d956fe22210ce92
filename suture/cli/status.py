"""`suture status`: what runs where, and whether everything answers."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from suture.cli.attach import Installation

Json = Annotated[bool, typer.Option("--json", help="As JSON.")]
SECONDS = 6.0


def status(as_json: Json = False) -> None:
    """Show what runs where; exit code 1 when something does not answer."""
    from suture.cli import attach, output

    installation = attach.find()
    checks = attach.run(_check(installation))
    if as_json:
        output.as_json({name: {"address": where, "state": state} for name, where, state in checks})
    else:
        output.table(("PART", "WHERE", "STATE"), checks)
    bad = [name for name, _, state in checks if state != "ok"]
    raise typer.Exit(1 if bad else 0)


async def _check(installation: Installation) -> list[tuple[str, str, str]]:
    from suture.domain.redaction import redact_text

    runtime = installation.runtime
    engine = "ok" if runtime and runtime.running else "not running: start it with `suture up`"
    pid = (
        f"pid {runtime.process.pid}, {runtime.mode}"
        if runtime and runtime.running and runtime.process
        else "-"
    )
    temporal, gateway = await asyncio.gather(_temporal(installation), _gateway(installation))
    checks = gateway.get("checks", {})
    away = "not known: the gateway does not answer"
    database = redact_text(installation.settings.database_url)
    kubeconfig = f" ({runtime.kubeconfig})" if runtime and runtime.kubeconfig else ""
    return [
        ("engine", pid, engine),
        ("gateway", runtime.gateway if runtime else "-", gateway["state"]),
        ("temporal", installation.temporal, temporal),
        ("cluster", installation.settings.cluster + kubeconfig, checks.get("cluster", away)),
        ("database", database, checks.get("database", away)),
        ("policies", _policies(installation), checks.get("policies", away)),
        *([("ui", runtime.ui, "ok")] if runtime and runtime.ui and temporal == "ok" else []),
    ]


def _policies(installation: Installation) -> str:
    settings = installation.settings
    files = [str(file) for file in settings.policies] + (["autopilot"] if settings.autopilot else [])
    return ", ".join(files) or "-"


async def _temporal(installation: Installation) -> str:
    from suture.cli import attach
    from suture.cli.problems import Failure

    try:
        await attach.temporal(installation)
    except Failure:
        return "does not answer"
    return "ok"


async def _gateway(installation: Installation) -> dict[str, Any]:
    import httpx2

    if installation.runtime is None or not installation.runtime.running:
        return {"state": "not running"}
    tokens = installation.settings.tokens()
    headers = {"Authorization": f"Bearer {tokens[0]}"} if tokens else {}
    try:
        async with httpx2.AsyncClient(timeout=SECONDS, trust_env=False) as http:
            answer = await http.get(installation.runtime.gateway.rstrip("/") + "/readyz", headers=headers)
            return {**answer.json(), "state": "ok" if answer.status_code == 200 else "not ready"}
    except (httpx2.HTTPError, ValueError) as e:
        return {"state": f"does not answer ({type(e).__name__})"}
