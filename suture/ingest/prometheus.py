"""Series from a Prometheus server by range queries. Implements `suture.ports.Metrics`."""

from __future__ import annotations

from typing import Any

import httpx2

from suture.domain.errors import Invalid, Unavailable
from suture.domain.scan import Series

TIMEOUT = 30.0  # seconds for one query
MAX_SERIES = 1000


class PrometheusMetrics:
    """`url` of the server; a bearer token where it asks for one."""

    def __init__(self, url: str, token: str = "") -> None:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._client = httpx2.AsyncClient(
            base_url=url.rstrip("/"), headers=headers, timeout=TIMEOUT, trust_env=False
        )
        self._url = url

    async def query_range(self, query: str, start: float, end: float, step: float) -> list[Series]:
        """All series of a query, times in seconds since 1970. Raises Invalid for a wrong query, Unavailable otherwise."""
        form = {"query": query, "start": f"{start:.3f}", "end": f"{end:.3f}", "step": f"{step:g}"}
        try:
            answer = await self._client.post("/api/v1/query_range", data=form)
            body = answer.json()
        except (httpx2.HTTPError, ValueError) as e:
            raise Unavailable(f"Prometheus at {self._url} does not answer: {e}") from e
        if not isinstance(body, dict) or body.get("status") != "success":
            said = body.get("error", answer.status_code) if isinstance(body, dict) else answer.status_code
            if answer.status_code in (400, 422):
                raise Invalid(f"Prometheus refuses the query {query!r}: {said}")
            raise Unavailable(f"Prometheus at {self._url} fails: {said}")
        found: list[dict[str, Any]] = body["data"]["result"]
        if len(found) > MAX_SERIES:
            raise Invalid(f"the query {query!r} returns {len(found)} series: narrow it to {MAX_SERIES}")
        return [_series(one) for one in found]

    async def close(self) -> None:
        await self._client.aclose()


def _series(found: dict[str, Any]) -> Series:
    points = found["values"]
    return Series(
        labels=found["metric"], times=[float(t) for t, _ in points], values=[float(v) for _, v in points]
    )
