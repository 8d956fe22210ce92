"""The access file: who is who, what is refused at load, and how it changes without a restart."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from suture.access import AccessFile, People, Role, hashed, load, local_admin
from suture.cli.main import app
from suture.domain.errors import Invalid

PEOPLE = f"""\
people:
  - name: Vera Klein
    roles: [viewer]
    token: {hashed("vera's")}
  - name: rob
    roles: [responder]
    oidc: 248289761001
  - name: ann
    roles: [approver]
    teams: [dba]
    token: {hashed("ann's")}
    oidc: ann@example.com
  - name: ada
    roles: [viewer, admin]
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "access.yaml"
    path.write_text(PEOPLE.replace("oidc: 248289761001", "oidc: '248289761001'"))
    return path


def test_each_role_includes_those_before_it(file: Path) -> None:
    people = People(file)
    assert people.eligible("viewer") == ["Vera Klein", "rob", "ann", "ada"]
    assert people.eligible("responder") == ["rob", "ann", "ada"]
    assert people.eligible("approver") == ["ann", "ada"]
    assert people.eligible("admin") == ["ada"]
    assert people.eligible("dba") == ["ann"]
    assert people.eligible("nobody") == []


def test_people_are_found_by_what_proves_who_they_are(file: Path) -> None:
    people = People(file)
    found = [people.by_token(t) for t in ("ann's", "vera's", "", "ann", hashed("ann's"))]
    assert [p and p.name for p in found] == ["ann", "Vera Klein", None, None, None]
    assert people.by_oidc("248289761001") == people.by_name("rob")
    assert people.by_oidc("other", "ANN@example.com") == people.by_name("Ann")
    assert people.by_oidc("ANN@EXAMPLE.COM") is None  # a subject is exact
    assert people.by_oidc("", "") is None
    assert people.by_name(" vera  klein") == people.all()[0]


def test_without_a_file_the_installation_names_nobody() -> None:
    people = People()
    assert not people.named
    assert people.eligible("admin") == []
    assert people.by_token("") is None
    assert local_admin().role is Role.ADMIN


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("people:\n  - name: ann\n    roles: [boss]\n", "line 3: people.0.roles.0: Input should be 'viewer'"),
        (
            "people:\n  - name: ann\n    roles: [admin]\n    tokn: x\n",
            "line 4: people.0.tokn: Extra inputs are not permitted",
        ),
        ("people:\n  - name: ann\n", "line 2: people.0.roles: Field required"),
        (
            "people:\n  - {name: ann, roles: [admin], token: s3cret}\n",
            "`suture token NAME` makes such a line",
        ),
        (
            "people:\n  - {name: ann, roles: [admin]}\n  - {name: ' ANN'.strip(), roles: [admin]}\n",
            "is not YAML",
        ),
        (
            "people:\n  - {name: ann, roles: [admin]}\n  - {name: ANN, roles: [admin]}\n",
            "the name of ANN belongs to somebody before",
        ),
        ("", "line 1: Input should be a valid dictionary"),
        ("people: {", "is not YAML"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "access.yaml"
    path.write_text(text)
    with pytest.raises(Invalid) as raised:
        load(path)
    assert told in str(raised.value)
    assert str(path) in str(raised.value)
    assert "s3cret" not in str(raised.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="cannot read the access file"):
        People(tmp_path / "none.yaml")


def test_it_is_read_again_and_a_broken_one_changes_nothing(file: Path) -> None:
    people = People(file)
    file.write_text("people:\n  - name: eve\n    roles: [admin]\n")
    assert people.eligible("viewer") == ["eve"]
    file.write_text("people: [")
    assert people.eligible("viewer") == ["eve"]
    file.unlink()
    assert people.eligible("viewer") == ["eve"]
    file.write_text("people: []")
    os.utime(file, (1, 1))
    assert people.eligible("viewer") == []


def test_the_command_makes_a_token_that_the_file_accepts(tmp_path: Path) -> None:
    told = CliRunner().invoke(app, ["token", "ann: the 'first'", "--role", "admin"])
    assert told.exit_code == 0, told.output
    first, _, *lines = told.output.splitlines()
    token = first.rpartition(" ")[2]
    path = tmp_path / "access.yaml"
    path.write_text("people:\n" + "\n".join(lines) + "\n")
    person = People(path).by_token(token)
    assert person is not None
    assert (person.name, person.role) == ("ann: the 'first'", Role.ADMIN)
    assert token not in path.read_text()
    AccessFile.model_validate(yaml.safe_load(path.read_text()))
