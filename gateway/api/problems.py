"""Errors as ``application/problem+json`` (RFC 9457), the same everywhere.

``type`` is the address of the page that explains the code, ``code`` that code, ``errors`` everything found,
in the form of :meth:`gateway.errors.Problem.to_dict`, and ``request_id`` what the log calls the request.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from http import HTTPStatus
from typing import Any, cast

from fastapi import FastAPI, Request
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import Response

from gateway.errors import (
    ConfigurationError,
    DocumentError,
    EdiError,
    ForbiddenError,
    LogInError,
    NotFoundError,
    Problem,
    RefusedError,
    TooLongError,
    TransportError,
)
from gateway.observability.logging import get_logger
from gateway.services.explain import HTTP

MEDIA_TYPE = "application/problem+json"
_STATUS: dict[type[EdiError], HTTPStatus] = {
    NotFoundError: HTTPStatus.NOT_FOUND,
    RefusedError: HTTPStatus.CONFLICT,
    LogInError: HTTPStatus.UNAUTHORIZED,
    ForbiddenError: HTTPStatus.FORBIDDEN,
    DocumentError: HTTPStatus.UNPROCESSABLE_ENTITY,
    ConfigurationError: HTTPStatus.UNPROCESSABLE_ENTITY,
    TooLongError: HTTPStatus.UNPROCESSABLE_ENTITY,
    TransportError: HTTPStatus.SERVICE_UNAVAILABLE,
}


class ProblemDetails(BaseModel):
    """Why a request was not done."""

    type: str = Field(description="address of the page that explains `code`")
    title: str
    status: int
    detail: str
    code: str
    request_id: str
    errors: list[dict[str, Any]] = Field(default=[], description="everything that is wrong")


class ApiError(Exception):
    """Ends a request with a status. ``detail``: one sentence; by default what the status means."""

    def __init__(
        self,
        status: int,
        detail: str = "",
        *,
        code: str = "",
        errors: Iterable[Mapping[str, Any]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        known, words, _ = HTTP.get(status, ("HTTP-ERROR", HTTPStatus(status).phrase, ""))
        self.status, self.code, self.detail = status, code or known, detail or words
        self.errors, self.headers = [*errors], dict(headers or {})
        if status == HTTPStatus.UNAUTHORIZED:
            self.headers.setdefault("WWW-Authenticate", "Bearer")


def answer(request: Request, error: ApiError) -> Response:
    """The error as a response."""
    details = {
        "type": f"/problems/{error.code}",
        "title": HTTPStatus(error.status).phrase,
        "status": error.status,
        "detail": error.detail,
        "code": error.code,
        "request_id": request_id(request),
        "errors": error.errors,
    }
    # What was sent need not be Unicode, and may be quoted.
    packed = json.dumps(details, default=str).encode()
    return Response(packed, error.status, error.headers, MEDIA_TYPE)


def request_id(request: Request) -> str:
    """What the log calls this request."""
    return str(getattr(request.state, "request_id", ""))


def of(error: Exception) -> ApiError:
    """Any exception as one that says its status."""
    if isinstance(error, ApiError):
        return error
    if isinstance(error, EdiError):
        found = [status for kind, status in _STATUS.items() if isinstance(error, kind)]
        problems: tuple[Problem, ...] = error.problems
        return ApiError(
            found[0] if found else 500,
            str(error),
            code=error.code,
            errors=[one.to_dict() for one in problems],
        )
    if isinstance(error, RequestValidationError):
        return ApiError(
            422, "Values of the request are wrong.", errors=[_invalid(one) for one in error.errors()]
        )
    if isinstance(error, HTTPException):
        said = error.detail if error.detail != HTTPStatus(error.status_code).phrase else ""
        return ApiError(error.status_code, said, headers=error.headers)
    return ApiError(500)


def _invalid(found: Mapping[str, Any]) -> dict[str, Any]:
    """A finding of pydantic as one of ours: where it is, and what."""
    place, *path = [str(one) for one in found["loc"]] or ["body"]
    pointer = "".join(f"/{one.replace('~', '~0').replace('/', '~1')}" for one in path)
    value = found.get("input")
    return {
        "code": "HTTP-INVALID",
        "message": str(found["msg"]),
        "value": value[:200] if isinstance(value, str) else None,
        "location": {"in": place, "pointer": pointer},
    }


def only_known(request: Request) -> None:
    """Refuses what a route does not know in its query: a filter in vain would show too much.

    Raises:
        RequestValidationError: names what is unknown.
    """
    if asked := request.query_params.multi_items():
        known = {*_queried(request.scope["route"].dependant)}
        words = f"is unknown; there are: {', '.join(sorted(known)) or 'none'}"
        if wrong := [(name, value) for name, value in asked if name not in known]:
            raise RequestValidationError(
                [{"loc": ("query", name), "msg": f"{name} {words}", "input": value} for name, value in wrong]
            )


def _queried(dependant: Dependant) -> Iterator[str]:
    yield from (one.alias for one in dependant.query_params)
    for each in dependant.dependencies:
        yield from _queried(each)


def install(app: FastAPI) -> None:
    """Makes every error of an application one of these."""

    async def told(request: Request, error: Exception) -> Response:
        said = of(error)
        if said.status >= 500:
            known = isinstance(error, EdiError)
            trace = {} if known else {"exc_info": error}
            get_logger().error("request.failed", request_id=request_id(request), words=str(error), **trace)
        shown = getattr(app.state, "error_page", None)
        if shown and not request.url.path.startswith("/api/") and "html" in request.headers.get("accept", ""):
            return cast("Response", await shown(request, said))
        return answer(request, said)

    for kind in (ApiError, EdiError, RequestValidationError, HTTPException, Exception):
        app.add_exception_handler(kind, told)
