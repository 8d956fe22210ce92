"""The audit page, for admins: who did what, and whether the log is as it was written."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from suture.access import Role
from suture.api.auth import needs
from suture.api.identity import Caller
from suture.api.web import Pages
from suture.ports import Audit

Admin = Annotated[Caller, Depends(needs(Role.ADMIN))]
PAGE = 100


def routes(pages: Pages, audit: Audit) -> APIRouter:
    """The router of /audit."""
    router = APIRouter(include_in_schema=False)

    @router.get("/audit")
    async def shown(
        request: Request,
        _caller: Admin,
        before: Annotated[int | None, Query(ge=1, le=2**53)] = None,
        by: str = "",
        subject: str = "",
    ) -> Response:
        rows = await audit.entries(PAGE, before, subject.strip(), by.strip())
        older = rows[-1].seq if len(rows) == PAGE else None
        return pages.show(
            request,
            "audit.html",
            rows=rows,
            check=await audit.verify(),
            older=older,
            by=by,
            subject=subject,
        )

    return router
