"""Is something outside there? One HTTP HEAD, answered or not; nothing is changed and nothing is sent along."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import httpx2

from suture.domain.emergency import Dependency, Place
from suture.domain.redaction import redact_text

SECONDS = 5.0


class HttpProber:
    """`ports.Prober` by HTTP. Redirects count as an answer, and so does a refusal: whoever refuses is there."""

    async def ask(self, dependencies: Sequence[Dependency]) -> list[Place]:
        """How each was found, all asked at once; never raises."""
        async with httpx2.AsyncClient(timeout=SECONDS, follow_redirects=False) as client:
            return list(await asyncio.gather(*(_ask(client, d) for d in dependencies)))


async def _ask(client: httpx2.AsyncClient, dependency: Dependency) -> Place:
    url = redact_text(dependency.url)
    try:
        answer = await client.head(dependency.url)
    except (httpx2.HTTPError, httpx2.InvalidURL) as e:
        return Place(
            name=dependency.name, url=url, ok=False, said=redact_text(f"{type(e).__name__}: {e}")[:200]
        )
    return Place(
        name=dependency.name, url=url, ok=answer.status_code < 500, said=f"HTTP {answer.status_code}"
    )
