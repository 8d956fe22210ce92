"""Building servers, on Go modules small enough for a test."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from deploy.setup import servers
from deploy.setup.steps import Report, StepFailed
from lab.tools import Module, build_folder, missing

WORKING = 'package main\n\nfunc main() { println("hello") }\n'
BROKEN = "package main\n\nfunc main() { undefinedThing() }\n"


@pytest.fixture(autouse=True)
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("SUTURE_TOOLS", raising=False)
    return tmp_path / "cache" / "suture"


def small_module(folder: Path, source: str) -> Module:
    (folder / "hello").mkdir(parents=True)
    (folder / "go.mod").write_text("module small\n\ngo 1.26\n")
    (folder / "go.sum").touch()
    (folder / "hello" / "main.go").write_text(source)
    return Module(folder, (("hello", "small/hello"),))


def test_builds_what_is_missing_and_nothing_twice(tmp_path: Path) -> None:
    module, first, second = small_module(tmp_path / "small", WORKING), Report(), Report()
    servers.provide([module], first)
    ran = subprocess.run([build_folder(module) / "hello"], capture_output=True, text=True, check=True)
    assert ran.stderr == "hello\n"
    assert any(line.startswith("[1/1] hello: built in") for line in first.lines)
    servers.provide([module], second)
    assert second.lines == []


def test_flags_for_other_projects_do_not_reach_the_build(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOFLAGS", "-mod=vendor -nonsense")
    monkeypatch.setenv("GOOS", "windows")
    module = small_module(tmp_path / "small", WORKING)
    servers.provide([module], Report())
    assert missing(module) == []


def test_a_failed_build_says_what_failed_and_what_to_do(tmp_path: Path, empty_cache: Path) -> None:
    module = small_module(tmp_path / "small", BROKEN)
    with pytest.raises(StepFailed) as failed:
        servers.provide([module], Report())
    block = failed.value.block()
    assert "FAILED      [1/1] hello: `go` ended with 1" in block
    assert "undefined: undefinedThing" in block
    assert "What to do  Run `make tools` again" in block
    log = failed.value.log
    assert log is not None
    assert log.is_relative_to(empty_cache)
    assert f"Whole log   {log}" in block
    assert "undefinedThing" in log.read_text()
    assert missing(module) == ["hello"]


def test_pins_are_not_changed_by_a_build(tmp_path: Path) -> None:
    unpinned = 'package main\n\nimport _ "example.com/elsewhere"\n\nfunc main() {}\n'
    module = small_module(tmp_path / "small", unpinned)
    with pytest.raises(StepFailed, match="hello"):
        servers.provide([module], Report())
    assert (module.directory / "go.mod").read_text() == "module small\n\ngo 1.26\n"


def test_without_go_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = small_module(tmp_path / "small", WORKING)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(StepFailed) as failed:
        servers.provide([module], Report())
    assert "Install Go 1.26" in failed.value.block()
