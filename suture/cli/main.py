"""The command `suture`. Only typer loads here: a command imports what it needs when it runs."""

from __future__ import annotations

import atexit
import os
import sys
from pathlib import Path
from typing import Annotated

import typer
from typer.exceptions import TyperException

from suture import __version__
from suture.cli import (
    anomaly,
    audit,
    classify,
    decide,
    demo,
    down,
    drift,
    emergency,
    export,
    governor,
    incidents,
    lab,
    logs,
    policy,
    postmortem,
    problems,
    report,
    show,
    stats,
    status,
    token,
    up,
    why,
)

app = typer.Typer(
    name="suture",
    help="Heal incidents: detect, classify, route, approve, execute, verify, memorize.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich" if sys.stdout.isatty() else None,  # boxes help nobody in a pipe
    context_settings={"help_option_names": ["-h", "--help"]},
)
_RUN, _LOOK, _ACT = "Run it", "Look", "Act"

app.command("demo", rich_help_panel=_RUN)(demo.demo)
app.command("up", rich_help_panel=_RUN)(up.up)
app.command("down", rich_help_panel=_RUN)(down.down)
app.command("status", rich_help_panel=_RUN)(status.status)
app.command("token", rich_help_panel=_RUN)(token.token)
app.add_typer(lab.app, name="lab", rich_help_panel=_RUN)
app.command("incidents", rich_help_panel=_LOOK)(incidents.incidents)
app.command("show", rich_help_panel=_LOOK)(show.show)
app.command("why", rich_help_panel=_LOOK)(why.why)
app.add_typer(emergency.app, name="emergency", rich_help_panel=_ACT)
app.command("stats", rich_help_panel=_LOOK)(stats.stats)
app.add_typer(policy.app, name="policy", rich_help_panel=_LOOK)
app.add_typer(postmortem.app, name="postmortem", rich_help_panel=_LOOK)
app.command("audit", rich_help_panel=_LOOK)(audit.audit)
app.command("export", rich_help_panel=_LOOK)(export.export)
app.command("classify", rich_help_panel=_LOOK)(classify.classify)
app.command("governor", rich_help_panel=_LOOK)(governor.governor)
app.command("stop", rich_help_panel=_ACT)(governor.stop)
app.command("resume", rich_help_panel=_ACT)(governor.resume)
app.command("freeze", rich_help_panel=_ACT)(governor.freeze)
app.command("unfreeze", rich_help_panel=_ACT)(governor.unfreeze)
app.command("logs", rich_help_panel=_LOOK)(logs.logs)
app.command("drift", rich_help_panel=_LOOK)(drift.drift)
app.add_typer(anomaly.app, name="anomaly", rich_help_panel=_LOOK)
app.command("report", rich_help_panel=_ACT)(report.report)
app.command("approve", rich_help_panel=_ACT)(decide.approve)
app.command("reject", rich_help_panel=_ACT)(decide.reject)
app.command("comment", rich_help_panel=_ACT)(decide.comment)
app.command("delegate", rich_help_panel=_ACT)(decide.delegate)
app.command("ack", rich_help_panel=_ACT)(decide.ack)
app.command("unack", rich_help_panel=_ACT)(decide.unack)
app.command("escalate", rich_help_panel=_ACT)(decide.escalate)
app.command("cancel", rich_help_panel=_ACT)(decide.cancel)


@app.command(rich_help_panel=_LOOK)
def version() -> None:
    """Print the version."""
    print(f"suture {__version__}")


@app.callback()
def common(
    state_dir: Annotated[
        Path | None,
        typer.Option(help="Where the installation keeps its files.", show_default="~/.local/state/suture"),
    ] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
) -> None:
    """Options that every command takes; they travel as variables, as settings do."""
    if state_dir is not None:
        os.environ["SUTURE_STATE_DIR"] = str(state_dir.expanduser().resolve())
        os.environ["SUTURE_STATE_DIR_NAMED"] = (
            "1"  # named on the command line: its note wins over other variables
        )
    if debug:
        os.environ["SUTURE_DEBUG"] = "1"


def main() -> None:
    """Run a command; exit code 0 when it worked, 1 when it failed, 2 when it was used wrongly."""
    code = _run()
    if (
        "temporalio" in sys.modules
    ):  # its native threads may outlive a broken connection, and abort a dying Python
        atexit._run_exitfuncs()
        sys.stdout.flush()
        os._exit(code)
    sys.exit(code)


def _run() -> int:
    try:
        result = app(prog_name="suture", standalone_mode=False)
        sys.stdout.flush()
        return result if isinstance(result, int) else 0
    except TyperException as e:
        return _explain_use(e)
    except (KeyboardInterrupt, typer.Abort):
        return 130
    except BrokenPipeError:  # `suture incidents | head`: the reader had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as e:
        return problems.report(e)


def _explain_use(error: TyperException) -> int:
    if type(error).__name__ == "NoArgsIsHelpError":
        print(error.format_message())
        return 0
    context = getattr(error, "ctx", None)
    path = context.command_path if context else "suture"
    print(f"suture: {error.format_message()}", file=sys.stderr)
    print(f"  try: {path} --help", file=sys.stderr)
    return error.exit_code


if __name__ == "__main__":
    main()
