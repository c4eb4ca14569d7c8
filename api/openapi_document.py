"""FastAPI's document with our problems in it: every refusal that an operation may answer with.

Which ones follows from its shape (a body, a key, something named in its path), so that no route
has to repeat them. A 409 is a matter of what it does: it says `responses={409: {}}`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from api.edge.rate_limit import LIMIT_FIELD, POLICY_FIELD
from api.idempotency import REPLAYED
from api.problems import MEDIA_TYPE, Problem

_REFUSALS = {
    400: "The body is not clear JSON.",
    401: "No valid key was sent.",
    403: "The key's role may not do this.",
    404: "There is no such thing, or it is another tenant's.",
    408: "The body did not arrive in time.",
    409: "What is there already, or has happened already, forbids it.",
    413: "The body is too large.",
    422: "The request can be read, but is not valid; `errors` names the fields.",
    429: "Too many requests, or event streams, at once.",
    503: "A part that is needed does not answer; nothing was promised.",
}
_NAME = "Refused{}"
_NEVER_COUNTED = ("/livekit/", "/healthz", "/readyz")
_NOT_COUNTED_WHEN_TAKEN = (*_NEVER_COUNTED, "/internal/")  # strangers there are counted
_WITHOUT_KEY = ("/livekit/",)  # LiveKit's own signature, answered 401 as well

_HEADERS: dict[str, dict[str, Any]] = {
    LIMIT_FIELD: {
        "description": "What is left for this key (draft-ietf-httpapi-ratelimit-headers).",
        "schema": {"type": "string", "examples": ['"key";r=1199;t=1']},
    },
    POLICY_FIELD: {
        "description": "How many requests in how many seconds, per replica.",
        "schema": {"type": "string", "examples": ['"key";q=1200;w=60']},
    },
    "Retry-After": {
        "description": "Seconds.",
        "schema": {"type": "integer", "minimum": 0, "examples": [2]},
    },
    "Location": {
        "description": "Where it is.",
        "schema": {"type": "string", "examples": ["/assistants/demo"]},
    },
    REPLAYED: {
        "description": "Present when the request with this key was answered before.",
        "schema": {"const": "true"},
    },
}


def document_of(app: FastAPI) -> dict[str, Any]:
    if app.openapi_schema is None:
        document = get_openapi(
            title=app.title, version=app.version, summary=app.summary, routes=app.routes
        )
        components = document["components"]
        for name in ("HTTPValidationError", "ValidationError"):
            components["schemas"].pop(name, None)
        components["schemas"] |= _problem_schemas()
        components["headers"] = _HEADERS
        components["responses"] = {
            _NAME.format(status): _refusal(status, why) for status, why in _REFUSALS.items()
        } | {_NAME.format("Otherwise"): _refusal(0, "What was refused, and why.")}
        for path, operations in document["paths"].items():
            for operation in operations.values():
                _tell_refusals(path, operation)
        app.openapi_schema = document
    return app.openapi_schema


def _tell_refusals(path: str, operation: dict[str, Any]) -> None:
    for parameter in operation.get("parameters", []):
        _has_no_null(parameter["schema"])
    responses: dict[str, Any] = operation["responses"]
    responses.pop("422", None)
    for status, answer in responses.items():
        if status.startswith("2"):
            answer.setdefault("headers", {}).update(_headers_of(path, operation, status))
    declared = [int(status) for status in responses if status[0] in "45"]
    for refusal in (*declared, *_statuses_of(path, operation)):
        if "content" not in responses.get(str(refusal), {}):
            responses[str(refusal)] = _reference("responses", _NAME.format(refusal))
    responses["default"] = _reference("responses", _NAME.format("Otherwise"))
    operation["responses"] = dict(sorted(responses.items()))


def _has_no_null(schema: dict[str, Any]) -> None:
    """A query or header is there or not; none is JSON's null."""
    kinds = [kind for kind in schema.get("anyOf", []) if kind != {"type": "null"}]
    if len(kinds) == 1:
        del schema["anyOf"]
        schema.update(kinds[0])


def _statuses_of(path: str, operation: dict[str, Any]) -> Iterator[int]:
    parameters = operation.get("parameters", [])
    has_body = "requestBody" in operation or path.startswith(_WITHOUT_KEY)
    if "security" in operation:
        yield from (401, 403)
    if path.startswith(_WITHOUT_KEY):
        yield 401
    if has_body:
        yield from (400, 408, 413)
    if parameters or "requestBody" in operation:
        yield 422
    if any(parameter["in"] == "path" for parameter in parameters):
        yield 404
    if not path.startswith(_NEVER_COUNTED):
        yield 429
    if path != "/healthz":
        yield 503


def _headers_of(path: str, operation: dict[str, Any], status: str) -> dict[str, Any]:
    names = [] if path.startswith(_NOT_COUNTED_WHEN_TAKEN) else [LIMIT_FIELD, POLICY_FIELD]
    if status == "201":
        names.append("Location")
    if any(one["name"].lower() == "idempotency-key" for one in operation.get("parameters", [])):
        names.append(REPLAYED)
    return {name: _reference("headers", name) for name in names}


def _refusal(status: int, description: str) -> dict[str, Any]:
    names = [LIMIT_FIELD, POLICY_FIELD]
    if status in (0, 429, 503):
        names.append("Retry-After")
    return {
        "description": description,
        "headers": {name: _reference("headers", name) for name in names},
        "content": {MEDIA_TYPE: {"schema": _reference("schemas", "Problem")}},
    }


def _problem_schemas() -> dict[str, Any]:
    schema = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    definitions: dict[str, Any] = schema.pop("$defs")
    return definitions | {"Problem": schema}


def _reference(kind: str, name: str) -> dict[str, str]:
    return {"$ref": f"#/components/{kind}/{name}"}
