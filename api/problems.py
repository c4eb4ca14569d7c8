"""Every refusal as RFC 9457 problem+json, with a stable `code` and without internals."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolExhausted
from starlette.exceptions import HTTPException
from starlette.routing import compile_path
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from contract.errors import PlatformError

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = 2

# Named here, because the phrases of Python's HTTPStatus change between its versions.
_HTTP_ERRORS = {
    400: ("bad-request", "The request cannot be read."),
    404: ("not-found", "There is nothing at this address."),
    405: ("method-not-allowed", "This address does not take that method."),
}

# SQLSTATE: connection lost, transaction to be repeated, out of resources, shut down.
_PASSING = ("08", "40", "53", "57P")

log = structlog.get_logger()


class FieldError(BaseModel):
    field: str = Field(description="Where, as a path.", examples=["body.assistant_id"])
    message: str = Field(description="What is wrong there.", examples=["Field required"])
    code: str = Field(description="Stable name of the fault.", examples=["missing"])


class Problem(BaseModel):
    """RFC 9457. `code` is stable; `detail` is for people."""

    type: str = Field(examples=["urn:switchboard:problem:call-not-found"])
    title: str = Field(examples=["Call not found"])
    status: int = Field(examples=[404])
    detail: str = Field(examples=["There is no call call_01."])
    code: str = Field(examples=["call-not-found"])
    call_id: str | None = Field(None, description="The call in question, where there is one.")
    errors: list[FieldError] | None = Field(None, description="For requests that are malformed.")


class ProblemResponse(JSONResponse):
    media_type = MEDIA_TYPE


def install(app: FastAPI) -> None:
    app.add_exception_handler(PlatformError, _platform_error)
    app.add_exception_handler(RequestValidationError, _malformed)
    app.add_exception_handler(HTTPException, _http_error)
    for error in (OperationalError, InterfaceError, PoolExhausted):
        app.add_exception_handler(error, _database_away)
    app.add_exception_handler(DBAPIError, _database_error)


def problem(
    request: Request,
    status: int,
    code: str,
    detail: str,
    *,
    errors: list[FieldError] | None = None,
    headers: Mapping[str, str] | None = None,
) -> ProblemResponse:
    body = problem_body(
        status, code, detail, call_id=request.path_params.get("call_id"), errors=errors
    )
    extra = dict(headers or {})
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        extra.setdefault("Retry-After", str(RETRY_AFTER_SECONDS))
    if status == HTTPStatus.UNAUTHORIZED:
        extra.setdefault("WWW-Authenticate", "Bearer")
    return ProblemResponse(body, status, extra)


def problem_body(
    status: int,
    code: str,
    detail: str,
    *,
    call_id: str | None = None,
    errors: list[FieldError] | None = None,
) -> dict[str, Any]:
    return Problem(
        type=f"urn:switchboard:problem:{code}",
        title=code.replace("-", " ").capitalize(),
        status=status,
        detail=detail,
        code=code,
        call_id=call_id,
        errors=errors,
    ).model_dump(exclude_none=True)


async def _platform_error(request: Request, error: Exception) -> ProblemResponse:
    assert isinstance(error, PlatformError)
    # Of a 429 that is no matter of time, too: a client without patience is what it is about.
    headers = {"Retry-After": str(RETRY_AFTER_SECONDS)} if error.http_status == 429 else None
    return problem(request, error.http_status, error.code, str(error), headers=headers)


async def _malformed(request: Request, error: Exception) -> ProblemResponse:
    assert isinstance(error, RequestValidationError)
    faults = error.errors()
    if any(fault["type"] == "json_invalid" for fault in faults):
        return problem(request, 400, "malformed-json", "The body is not JSON.")
    errors = [_field_error(fault) for fault in faults]
    where = ", ".join(dict.fromkeys(fault.field for fault in errors))
    return problem(
        request, 422, "invalid-request", f"The request is not valid: {where}.", errors=errors
    )


def wrong_field(path: tuple[str | int, ...], message: str, code: str) -> RequestValidationError:
    """A fault that only shows beside what is stored, at a place in the body."""
    return RequestValidationError(
        [{"loc": ("body", *path), "msg": message, "type": code, "input": None}]
    )


def _field_error(fault: Mapping[str, Any]) -> FieldError:
    return FieldError(
        field=".".join(str(part) for part in fault["loc"]),
        message=str(fault["msg"]).removeprefix("Value error, "),
        code=str(fault["type"]).replace("_", "-"),
    )


async def _http_error(request: Request, error: Exception) -> ProblemResponse:
    assert isinstance(error, HTTPException)
    phrase = HTTPStatus(error.status_code).phrase
    code, detail = _HTTP_ERRORS.get(
        error.status_code, (phrase.lower().replace(" ", "-"), f"{phrase}.")
    )
    headers = error.headers
    if error.status_code == 405:
        headers = {"Allow": ", ".join(_methods_at(request))}
    return problem(request, error.status_code, code, detail, headers=headers)


def _methods_at(request: Request) -> list[str]:
    # Starlette names those of the first route with this path only.
    methods: set[str] = set()
    for path, operations in request.app.openapi()["paths"].items():
        if compile_path(path)[0].match(request.url.path):
            methods |= {method.upper() for method in operations}
    return sorted(methods) or ["GET"]  # pages that the document leaves out


async def _database_away(request: Request, error: Exception) -> ProblemResponse:
    log.error("database_unavailable", error=type(error).__name__)
    return problem(request, 503, "unavailable", "The database does not answer.")


async def _database_error(request: Request, error: Exception) -> ProblemResponse:
    """PostgreSQL's, which asyncpg does not sort into faults of ours and of the moment."""
    assert isinstance(error, DBAPIError)
    state = getattr(error.orig, "sqlstate", None)
    if error.connection_invalidated or (state is not None and state.startswith(_PASSING)):
        return await _database_away(request, error)
    raise error


class LastResort:
    """Answers what nobody expected, inside the other middleware, so that CORS and quota fields are
    on that answer as well (Starlette's own place for it lies outside of them)."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        has_started = False

        async def send_and_note(message: Message) -> None:
            nonlocal has_started
            has_started = True
            await send(message)

        try:
            await self._app(scope, receive, send_and_note)
        except Exception as error:
            if scope["type"] != "http":
                raise
            # Only type and place: the text of a foreign error may carry a caller's words or number.
            place = traceback.extract_tb(error.__traceback__)[-1]
            log.error(
                "unexpected_error",
                error=type(error).__name__,
                path=getattr(scope.get("route"), "path", ""),
                where=f"{place.filename}:{place.lineno}",
            )
            if not has_started:
                detail = "This is our fault; it has been logged."
                answer = problem(Request(scope), 500, "internal-error", detail)
                await answer(scope, receive, send)
