"""What a person filters incidents by in Temporal's list: the names of the search attributes, all of type
Keyword.

Plain names, because workflows and the gateway both set them and workflows import nothing but the domain.
"""

from __future__ import annotations

from enum import StrEnum


class SearchAttribute(StrEnum):
    """A typed search attribute of the workflow `Incident`."""

    TARGET = "SutureTarget"
    NAMESPACE = "SutureNamespace"
    SEVERITY = "SutureSeverity"
    FAILURE_TYPE = "SutureFailureType"
    ROUTE = "SutureRoute"
    OUTCOME = "SutureOutcome"
    WAITING_FOR = "SutureWaitingFor"
    SOURCE = "SutureSource"
