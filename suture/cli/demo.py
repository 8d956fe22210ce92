"""`suture demo`: break a real (local) cluster and watch it heal."""

from __future__ import annotations

from typing import Annotated

import typer

Keep = Annotated[bool, typer.Option("--keep", help="Leave everything running, to look around.")]


def demo(keep: Keep = False) -> None:
    """Break a cluster of its own three times and watch Suture heal it (about a minute).

    It uses its own Temporal server and its own cluster, whatever KUBECONFIG or TEMPORAL_ADDRESS say.
    """
    import os
    from pathlib import Path

    from lab.demo import story
    from suture.settings import state_home

    home = Path(os.environ.get("SUTURE_STATE_DIR") or state_home()) / "demo"
    raise typer.Exit(story.run(home, keep))
