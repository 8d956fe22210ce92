"""`suture up`: gateway, worker and watch in one process; own server and cluster where none is named."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Listen = Annotated[str | None, typer.Option(metavar="HOST:PORT", help="Address of the gateway.")]
Database = Annotated[
    str | None, typer.Option(metavar="URL", help="Database; default: SQLite in the state directory.")
]
Context = Annotated[str | None, typer.Option(metavar="CTX", help="Context of the kubeconfig.")]
Kubeconfig = Annotated[Path | None, typer.Option(metavar="FILE", help="The cluster to heal.")]
Cluster = Annotated[str | None, typer.Option(metavar="NAME", help="The cluster's name in incident ids.")]
Autopilot = Annotated[bool, typer.Option("--autopilot", help="Run what can be undone without asking.")]
Policy = Annotated[
    list[Path] | None, typer.Option("--policy", metavar="FILE", help="Policy file; may be repeated.")
]
TokenFile = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Bearer tokens of the gateway, one a line.")
]
Embedded = Annotated[
    bool, typer.Option("--embedded", help="Own Temporal and own cluster, whatever variables say.")
]
Background = Annotated[bool, typer.Option("--background", help="Detach; return when it is ready.")]


def up(
    listen: Listen = None,
    database: Database = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    cluster: Cluster = None,
    autopilot: Autopilot = False,
    policy: Policy = None,
    token_file: TokenFile = None,
    embedded: Embedded = False,
    background: Background = False,
) -> None:
    """Start Suture: gateway, worker and watch in one process.

    It attaches to the Temporal server of TEMPORAL_ADDRESS (or a Temporal profile) and to the cluster of
    KUBECONFIG, --kubeconfig or --context; where nothing is named it starts its own. Ctrl-C stops exactly
    what it started.
    """
    from suture.cli import config, engine
    from suture.cli.problems import WrongUse

    for file in [*(policy or []), *filter(None, [kubeconfig, token_file])]:
        if not file.expanduser().is_file():
            raise WrongUse(f"there is no file {file}", "check the path")
    settings = config.load(
        listen=listen,
        database=database,
        context=context,
        kubeconfig=str(kubeconfig.expanduser().resolve()) if kubeconfig else None,
        cluster=cluster,
        autopilot=autopilot or None,
        policies=policy or None,
        token_file=token_file,
    )
    raise typer.Exit(engine.start(settings, embedded, background))
