"""Sixteen types in four families, in one fixed order."""

from __future__ import annotations

from models.taxonomy import LABELS, TYPES, FailureType, Family, members


def test_there_are_four_types_in_each_of_four_families() -> None:
    assert len(TYPES) == len(set(LABELS)) == 16
    assert [len(members(f)) for f in Family] == [4, 4, 4, 4]
    assert [t for f in Family for t in members(f)] == list(TYPES)


def test_types_belong_where_they_are_looked_for() -> None:
    assert FailureType.STORAGE_ISSUES.family is Family.INFRASTRUCTURE
    assert FailureType.MEMORY_LEAKS.family is Family.APPLICATION
    assert FailureType.EXTERNAL_SERVICE_FAILURES.family is Family.TESTING
    assert FailureType.COMPLIANCE_VIOLATIONS.family is Family.SECURITY
