"""The types of failure and their families: what a failed run can be called, in one fixed order.

The order is the order of the classifier's columns; a change of it is a new version of every artefact.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Family(StrEnum):
    """Where the cause of a failure lies."""

    INFRASTRUCTURE = "infrastructure"
    APPLICATION = "application"
    TESTING = "testing"
    SECURITY = "security"


class FailureType(StrEnum):
    """What went wrong. The rules that tell neighbours apart are in models/training/data/TAXONOMY.md."""

    RESOURCE_EXHAUSTION = "resource_exhaustion"
    NETWORK_CONNECTIVITY = "network_connectivity"
    STORAGE_ISSUES = "storage_issues"
    SERVICE_UNAVAILABILITY = "service_unavailability"
    DEPENDENCY_CONFLICTS = "dependency_conflicts"
    CONFIGURATION_ERRORS = "configuration_errors"
    RUNTIME_EXCEPTIONS = "runtime_exceptions"
    MEMORY_LEAKS = "memory_leaks"
    FLAKY_TESTS = "flaky_tests"
    TEST_ENVIRONMENT_ISSUES = "test_environment_issues"
    TIMING_DEPENDENCIES = "timing_dependencies"
    EXTERNAL_SERVICE_FAILURES = "external_service_failures"
    VULNERABILITY_BLOCKING = "vulnerability_blocking"
    CERTIFICATE_EXPIRATION = "certificate_expiration"
    ACCESS_CONTROL_FAILURES = "access_control_failures"
    COMPLIANCE_VIOLATIONS = "compliance_violations"

    @property
    def family(self) -> Family:
        """The family that the type belongs to."""
        return tuple(Family)[TYPES.index(self) // _TYPES_EACH]


TYPES: Final = tuple(FailureType)
LABELS: Final = tuple(str(t) for t in TYPES)
_TYPES_EACH: Final = len(TYPES) // len(Family)


def members(family: Family) -> tuple[FailureType, ...]:
    """The types of a family.

    >>> [str(t) for t in members(Family.SECURITY)][:2]
    ['vulnerability_blocking', 'certificate_expiration']
    """
    return tuple(t for t in TYPES if t.family is family)
