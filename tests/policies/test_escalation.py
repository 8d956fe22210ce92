"""The escalation file: what is wrong is named with its line, and addresses never travel with incidents."""

from __future__ import annotations

from pathlib import Path

import pytest

from policies.escalation import load_escalation
from suture.domain.errors import Invalid
from suture.notify.contacts import resolve
from suture.notify.sender import AppriseNotifier
from suture.settings import Settings
from worker.bootstrap import Role, escalation_file, notifier_of, options

TEXT = """\
version: 1
contacts:
  on-call: ["env:ONCALL_URL", "json://127.0.0.1:9/?token=t0ps3cret"]
levels:
  - {name: L1, contacts: [on-call]}
  - {name: L2, after: 15m}
"""


def written(path: Path, text: str = TEXT) -> Path:
    file = path / "escalation.yaml"
    file.write_text(text)
    return file


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("after: 15m", "after: later", r"line 6: levels.1.after: .*'later' is no length of time"),
        ("contacts: [on-call]", "contacts: [nobody]", "no contact is named nobody"),
        ("name: L2", "nom: L2", "line 6: levels.1.name: Field required"),
        ("version: 1", "version: [1", "is not YAML"),
        ("version: 1", "version: 1\nspeed: 3", "line 1: speed: Extra inputs|line 2: speed: Extra inputs"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(tmp_path: Path, old: str, new: str, words: str) -> None:
    with pytest.raises(Invalid, match=words) as refused:
        load_escalation(written(tmp_path, TEXT.replace(old, new)))
    assert "t0ps3cret" not in str(refused.value)


def test_incidents_carry_names_and_no_addresses(tmp_path: Path) -> None:
    settings = Settings(escalation=written(tmp_path), _env_file=None)
    chosen = options(settings, Role.ALL, search_attributes=False)
    assert chosen.ladder is not None
    assert [level.contacts for level in chosen.ladder.levels] == [["on-call"], []]
    assert "t0ps3cret" not in chosen.model_dump_json()
    assert "t0ps3cret" not in repr(escalation_file(settings))


def test_addresses_come_from_variables_and_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pager").write_text("json://127.0.0.1:9/pager\n")
    text = TEXT.replace('"json://127.0.0.1:9/?token=t0ps3cret"', f'"file:{tmp_path / "pager"}"')
    file = load_escalation(written(tmp_path, text))
    with pytest.raises(Invalid, match="the contact on-call has no address: set the variable ONCALL_URL"):
        notifier_of(file)
    monkeypatch.setenv("ONCALL_URL", "json://127.0.0.1:9/chat")
    ways = resolve(file.contacts)["on-call"]
    assert {way: a.get_secret_value() for way, a in ways.items()} == {
        "on-call": "json://127.0.0.1:9/chat",
        "on-call#2": "json://127.0.0.1:9/pager",
    }
    assert notifier_of(file).ways("on-call") == ["on-call", "on-call#2"]
    monkeypatch.setenv("ONCALL_URL", "t0ps3cret is no address")
    with pytest.raises(Invalid, match="the address of on-call is none that Apprise knows") as refused:
        AppriseNotifier(resolve(file.contacts))
    assert "t0ps3cret" not in str(refused.value)
