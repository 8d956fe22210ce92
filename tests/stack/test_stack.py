"""The embedded stack and its note."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from lab.processes import Process
from lab.stack import Runtime, Stack, replace_variables, temporal_environment


def _runtime(process: Process | None) -> Runtime:
    return Runtime(process=process, gateway="http://127.0.0.1:1", temporal="127.0.0.1:2")


def test_the_note_is_found_again_and_private(tmp_path: Path) -> None:
    note = _runtime(Process.current("engine"))
    note.save(tmp_path)
    assert Runtime.load(tmp_path) == note
    assert note.running
    assert stat.S_IMODE((tmp_path / "runtime.json").stat().st_mode) == 0o600
    assert [p.name for p in tmp_path.iterdir()] == ["runtime.json"]


def test_a_note_of_a_recycled_pid_is_not_running() -> None:
    me = Process.current("engine")
    assert not _runtime(me.model_copy(update={"started": me.started - 1})).running
    assert not _runtime(me.model_copy(update={"boot": "another"})).running
    assert not _runtime(None).running


@pytest.mark.parametrize("text", ["", "{", '{"process": 1}', "[]"])
def test_a_damaged_note_counts_as_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "runtime.json").write_text(text)
    assert Runtime.load(tmp_path) is None


def test_parts_that_are_not_asked_for_do_not_exist(tmp_path: Path) -> None:
    stack = Stack(tmp_path, temporal=False, cluster=False)
    stack.start()
    assert stack.parts == []
    assert stack.stop() == []
    assert stack.environment() == {}


def test_no_variable_of_another_server_remains(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TEMPORAL_ADDRESS", "TEMPORAL_NAMESPACE", "TEMPORAL_CONFIG_FILE"):
        monkeypatch.setenv(name, "elsewhere")
    monkeypatch.setenv("TEMPORAL_API_KEY", "key")
    replace_variables("TEMPORAL_", temporal_environment("127.0.0.1:5"))
    left = {k: v for k, v in os.environ.items() if k.startswith("TEMPORAL_")}
    assert left == {
        "TEMPORAL_ADDRESS": "127.0.0.1:5",
        "TEMPORAL_NAMESPACE": "default",
        "TEMPORAL_CONFIG_FILE": os.devnull,
    }


@pytest.mark.temporal
def test_when_one_part_fails_the_other_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stack = Stack(tmp_path)
    assert stack.cluster is not None and stack.temporal is not None

    def refuse() -> None:
        raise RuntimeError("no cluster today")

    monkeypatch.setattr(stack.cluster, "up", refuse)
    with pytest.raises(RuntimeError, match="no cluster today"):
        stack.start()
    assert not stack.temporal.running()
