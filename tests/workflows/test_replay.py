"""Recorded histories of every path replay with today's code: a change that would break running incidents shows here.

Record anew (after a change that is meant to be incompatible) with: SUTURE_RECORD=1 pytest tests/workflows/test_incident.py
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer

from tests.workflows.harness import HISTORIES
from worker.plugin import SuturePlugin


@pytest.mark.parametrize("file", sorted(HISTORIES.glob("*.json")), ids=lambda p: p.stem)
async def test_replays(file: Path) -> None:
    recorded = json.loads(file.read_text())
    history = WorkflowHistory.from_json(recorded.pop("workflow_id"), recorded)
    await Replayer(workflows=[], plugins=[SuturePlugin()]).replay_workflow(history)


def test_every_path_is_recorded() -> None:
    assert len(list(HISTORIES.glob("*.json"))) >= 15
