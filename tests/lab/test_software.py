"""The hidden description of the software, as files."""

from __future__ import annotations

from pathlib import Path

from lab.software import (
    SoftwareFiles,
    break_image,
    clear_software,
    merge_software,
    merged,
    read_software,
    set_software,
)


def test_merging_goes_field_by_field_and_appends_lists() -> None:
    old = {"web": {"memory": "1Mi", "listen": [80]}, "rules": [1]}
    new = merged(old, {"web": {"memory": "2Mi"}, "db": {"listen": [1]}, "rules": [2]})
    assert new == {"web": {"memory": "2Mi", "listen": [80]}, "db": {"listen": [1]}, "rules": [1, 2]}
    assert old["rules"] == [1]


def test_a_namespace_is_described_changed_and_forgotten(tmp_path: Path) -> None:
    files = SoftwareFiles(tmp_path)
    files.refresh()
    assert files.by_namespace == {}
    set_software(tmp_path, "ns", {"web": {"memory": "1Mi"}})
    merge_software(tmp_path, "ns", {"web": {"cpu": "1"}})
    break_image(tmp_path, "ns", "web", "web:bad", "boom", exit_code=4)
    break_image(tmp_path, "ns", "web", "web:worse", "bang")
    files.refresh()
    assert files.by_namespace["ns"] == read_software(tmp_path, "ns")
    web = files.by_namespace["ns"]["web"]
    assert (web["memory"], web["cpu"], web["bad_images"]["web:bad"]["exit"]) == ("1Mi", "1", 4)
    assert len(web["bad_images"]) == 2
    version = files.version
    files.refresh()
    assert files.version == version
    clear_software(tmp_path, "ns")
    files.refresh()
    assert (files.by_namespace, files.version) == ({}, version + 1)
