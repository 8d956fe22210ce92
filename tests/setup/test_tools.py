"""Where the built servers are looked for: shared by equal pins, never by different ones."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from lab import tools
from lab.tools import MODULES, Module, ToolMissing, build_folder, build_key, tool


@pytest.fixture
def module(tmp_path: Path) -> Module:
    """A copy of the real pins of Temporal, free to be changed."""
    copied = Path(shutil.copytree(MODULES[0].directory, tmp_path / "pins" / "temporal"))
    return replace(MODULES[0], directory=copied)


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("SUTURE_TOOLS", raising=False)
    monkeypatch.setenv("PATH", "")
    return tmp_path / "cache"


def binary(folder: Path, name: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("#!/bin/sh\n")
    (folder / name).chmod(0o755)
    return folder / name


def test_equal_pins_share_one_build_wherever_the_checkout_lies(module: Module) -> None:
    assert build_key(module) == build_key(MODULES[0])


@pytest.mark.parametrize("file", ["go.mod", "go.sum"])
def test_a_changed_pin_asks_for_a_new_build(module: Module, file: str) -> None:
    before = build_key(module)
    with (module.directory / file).open("a") as pins:
        pins.write("\n// changed\n")
    assert build_key(module) != before


def test_flags_and_compiler_ask_for_a_new_build(module: Module, monkeypatch: pytest.MonkeyPatch) -> None:
    before = build_key(module)
    assert build_key(replace(module, versions=())) != before
    monkeypatch.setattr(tools, "_compiler", lambda: "go1.99\nlinux\nriscv64\n")
    assert build_key(module) != before


def test_the_version_that_is_linked_in_is_the_pinned_one() -> None:
    assert "version.gitVersion=v1.36.3" in MODULES[1].linker_flags()


def test_the_given_folder_comes_before_the_cache_and_the_path(
    empty_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_path = binary(tmp_path / "path", "etcd")
    monkeypatch.setenv("PATH", str(on_path.parent))
    assert tool("etcd") == on_path
    built = binary(build_folder(MODULES[1]), "etcd")
    assert built.is_relative_to(empty_cache)
    assert tool("etcd") == built
    given = binary(tmp_path / "given", "etcd")
    monkeypatch.setenv("SUTURE_TOOLS", str(given.parent))
    assert tool("etcd") == given


@pytest.mark.usefixtures("empty_cache")
def test_a_missing_tool_says_how_to_get_it() -> None:
    with pytest.raises(ToolMissing, match="etcd is not on this machine: run `make tools`"):
        tool("etcd")
