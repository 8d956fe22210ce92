"""Typed search attributes on the server: what a person filters the list of incidents by.

Creating them needs an operator's rights, which a shared or hosted server may not grant: the engine works
without.
"""

from __future__ import annotations

from datetime import timedelta

import structlog
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest
from temporalio.client import Client
from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes
from temporalio.service import RPCError, RPCStatusCode

from suture.domain.report import Report
from suture.domain.visibility import SearchAttribute

log = structlog.get_logger(__name__)
TIMEOUT = timedelta(seconds=10)
KEYWORD = IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD
MAX_VALUE = 200  # characters: SQL visibility stores keywords in 255


def of_report(report: Report) -> TypedSearchAttributes:
    """What is known when an incident starts."""
    values = {
        SearchAttribute.TARGET: str(report.target),
        SearchAttribute.NAMESPACE: report.target.namespace,
        SearchAttribute.SEVERITY: report.severity.value,
        SearchAttribute.SOURCE: report.source,
    }
    return TypedSearchAttributes(
        [
            SearchAttributePair(SearchAttributeKey.for_keyword(name.value), value[:MAX_VALUE])
            for name, value in values.items()
            if value
        ]
    )


async def ensure_search_attributes(client: Client, namespace: str | None = None) -> bool:
    """Create the attributes that are missing.

    False, with the reason in the log, when the server doesn't let us.
    """
    namespace = namespace or client.namespace
    try:
        missing = await _missing(client, namespace)
        if missing:
            request = AddSearchAttributesRequest(
                namespace=namespace, search_attributes=dict.fromkeys(missing, KEYWORD)
            )
            await client.operator_service.add_search_attributes(request, timeout=TIMEOUT)
    except RPCError as e:
        if e.status is RPCStatusCode.ALREADY_EXISTS:  # another worker was faster
            return True
        log.warning("incidents have no search attributes", reason=e.message, status=e.status.name)
        return False
    except ValueError as e:
        log.warning("incidents have no search attributes", reason=str(e))
        return False
    return True


async def _missing(client: Client, namespace: str) -> list[str]:
    """Raises ValueError when one is there with another type."""
    request = ListSearchAttributesRequest(namespace=namespace)
    known = (await client.operator_service.list_search_attributes(request, timeout=TIMEOUT)).custom_attributes
    for name in SearchAttribute:
        if name.value in known and known[name.value] != KEYWORD:
            raise ValueError(f"the search attribute {name.value} exists, but is not of type Keyword")
    return [name.value for name in SearchAttribute if name.value not in known]
