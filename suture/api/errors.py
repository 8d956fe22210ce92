"""Errors as answers: what is wrong and what to do about it, never what the sender wrote."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from suture.domain.errors import Declined, Forbidden, Invalid, SutureError, TargetNotFound, Unavailable
from suture.domain.redaction import redact_text

log = structlog.get_logger(__name__)
RETRY_AFTER = "5"  # seconds
MAX_ERRORS = 10


class Problem(BaseModel):
    """The body of every answer that isn't a success."""

    error: str = Field(description="what is wrong")
    what_to_do: str = Field(description="what helps")


AsPage = Callable[[Request, int, Problem], Response | None]  # None: this was not asked by a browser


class Refused(Exception):
    """An answer that ends a request; raised anywhere below the middleware that answers with it."""

    def __init__(
        self, status: int, error: str, what_to_do: str, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(error)
        self.status = status
        self.problem = Problem(error=error, what_to_do=what_to_do)
        self.headers = headers or {}

    def response(self) -> JSONResponse:
        return problem_response(self.status, self.problem, self.headers)


def problem_response(status: int, problem: Problem, headers: dict[str, str] | None = None) -> JSONResponse:
    return JSONResponse(
        problem.model_dump(), status_code=status, headers=headers, media_type="application/problem+json"
    )


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route for its API description."""
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {s: {"description": HTTPStatus(s).phrase, "content": content} for s in statuses}


def install(app: FastAPI) -> None:
    """Let the application answer every error in this form."""
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(SutureError, _suture)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Refused, _refused)


def refusal(error: SutureError) -> Refused:
    """How an error of the engine is told to a sender."""
    text = redact_text(str(error))
    if isinstance(error, Unavailable):
        return Refused(503, text, "send the same request again later", {"Retry-After": RETRY_AFTER})
    if isinstance(error, Invalid):
        return Refused(422, text, "mend the request: sending it again will not help")
    if isinstance(error, Declined):
        return Refused(409, text, "look at how the incident stands now, and decide again")
    if isinstance(error, TargetNotFound):
        return Refused(404, text, "check kind, namespace and name")
    if isinstance(error, Forbidden):
        return Refused(403, text, "ask whoever runs this installation for the right")
    return Refused(503, text, "send the same request again later", {"Retry-After": RETRY_AFTER})


async def _suture(request: Request, error: Any) -> Response:
    return await _refused(request, refusal(error))


async def _refused(request: Request, error: Any) -> Response:
    return _answer(request, error.status, error.problem, error.headers)


async def _invalid(request: Request, error: Any) -> Response:
    what = "send what /openapi.json describes; a list that is too long must be sent in parts"
    return _answer(request, 422, Problem(error=describe(error.errors()), what_to_do=what))


async def _http(request: Request, error: Any) -> Response:
    phrase = HTTPStatus(error.status_code).phrase.lower()
    problem = Problem(error=phrase, what_to_do="/openapi.json lists the addresses and their methods")
    return _answer(request, error.status_code, problem, dict(error.headers or {}))


def _answer(
    request: Request, status: int, problem: Problem, headers: dict[str, str] | None = None
) -> Response:
    """An error for whoever asked: as a page for browsers where there are pages (see suture.api.site), else as JSON."""
    page: AsPage | None = getattr(request.app.state, "problem_page", None)
    response = page(request, status, problem) if page else None
    if response is None:
        return problem_response(status, problem, headers)
    response.headers.update(headers or {})
    return response


def describe(errors: Sequence[Any]) -> str:
    """Where the input is wrong and why, without the input itself."""
    told = []
    for e in errors[:MAX_ERRORS]:
        where = ".".join(str(part)[:40] for part in e["loc"] if part != "body") or "the body"
        told.append(redact_text(f"{where}: {e['msg'][:200]}"))
    more = len(errors) - len(told)
    return "; ".join(told) + (f"; and {more} more" if more > 0 else "")
