"""What a process loads is what it can break: the workflow process stays free of heavy and dangerous libraries."""

from __future__ import annotations

import subprocess
import sys

HEAVY = ("torch", "sklearn", "sqlalchemy", "kubernetes", "aiohttp", "fastapi", "pandas")


def loaded(code: str) -> set[str]:
    program = f"{code}\nimport sys\nprint(*(m for m in {HEAVY!r} if m in sys.modules))"
    return set(
        subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True
        ).stdout.split()
    )


def test_the_workflow_process_is_light() -> None:
    code = (
        "from worker.bootstrap import Role, local_activities\n"
        "from worker.plugin import SuturePlugin, sandbox\n"
        "from suture.settings import Settings\n"
        "from suture.domain.incident import Options\n"
        "SuturePlugin(); sandbox(); local_activities(Settings(_env_file=None), Options())"
    )
    assert loaded(code) == set()


def test_workflows_alone_are_light() -> None:
    assert loaded("import workflows.incident, workflows.cluster_watch") == set()
