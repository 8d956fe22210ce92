"""A changed policy file is taken up; a broken one changes nothing and says so."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from policies import reload
from policies.guardrails import Guardrails
from policies.reload import Reloading
from policies.rules import Policy
from policies.verdict import PolicyEngine
from suture.api.policy_health import PolicyHealth
from suture.domain.errors import Invalid
from suture.telemetry.metrics import Metrics
from tests.policies.facts import facts

RULES = "version: 1\nname: x\nrules:\n- {{name: a, when: 'true', effect: {effect}}}\n"


def engine(policies: Sequence[Policy]) -> PolicyEngine:
    return PolicyEngine(policies, Guardrails([]))


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(reload, "LOOK_SECONDS", 0.0)
    path = tmp_path / "p.yaml"
    path.write_text(RULES.format(effect="approve"))
    return path


def write(file: Path, text: str) -> None:
    """As an editor or a ConfigMap does: another file takes the place."""
    new = file.with_suffix(".new")
    new.write_text(text)
    new.replace(file)


async def test_a_changed_file_is_taken_up_and_a_broken_one_is_not(file: Path) -> None:
    reloading = Reloading([file], engine)
    health, metrics = PolicyHealth(reloading.look), Metrics()
    first = reloading.engine().hash
    assert not reloading.engine().decide(facts()).needs_person
    write(file, RULES.format(effect="require_approval"))
    assert reloading.engine().decide(facts()).needs_person
    second = reloading.engine().hash
    assert second != first
    await health.check()
    write(file, RULES.format(effect="alow"))
    assert reloading.engine().hash == second
    assert "line 4" in reloading.look()
    with pytest.raises(Invalid, match="stay in force"):
        await health.check()
    await health(metrics)
    assert b"suture_policies_broken 1.0" in metrics.page()
    file.unlink()
    assert reloading.engine().hash == second
    write(file, RULES.format(effect="deny"))
    assert reloading.look() == ""
    await health(metrics)
    assert b"suture_policies_broken 0.0" in metrics.page()


def test_a_process_does_not_start_without_its_rules(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="cannot read"):
        Reloading([tmp_path / "missing.yaml"], engine)
