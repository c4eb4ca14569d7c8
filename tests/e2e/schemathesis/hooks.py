"""Schemathesis loads this beside `schemathesis.toml`."""

from __future__ import annotations

import os
import uuid
from pathlib import Path
from typing import Any

import schemathesis

# A file that gets the id of every call that a 2xx announced, one in a line; a start that nobody
# took in time is a line as well.
ANNOUNCED = Path(os.environ["SWITCHBOARD_ANNOUNCED"])
NOT_TAKEN = "nobody took it"
STARTS = ("/web_call/get_token", "/call/outbound")
# Gone, they would leave every later request with 401, or no call that could start.
KEPT = {"key_id": os.environ["SWITCHBOARD_KEY_ID"], "assistant_id": "demo"}

# Refusals by what values mean together or beside what is stored, which no JSON schema says.
MEANINGS = {
    "value-error",
    "assistant-not-found",
    "trunk-not-found",
    "malformed-number",
    "premium-number",
    "emergency-number",
    "header-twice",
    "reserved-attribute",
    "too-large",
}
MEANING_BY_FIELD = {"missing": "password"}  # PUT of a trunk cannot keep one; PATCH does


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    for name, kept in KEPT.items():
        if case.method.upper() == "DELETE" and (case.path_parameters or {}).get(name) == kept:
            case.path_parameters[name] = "never-was"
    for name in list(case.headers or {}):
        # The same example for each body would be refused as the reused key that it is.
        if name.lower() == "idempotency-key" and 1 <= len(str(case.headers[name])) <= 255:
            case.headers[name] = str(uuid.uuid4())


@schemathesis.hook
def after_call(context: Any, case: Any, response: Any) -> None:
    if case.operation.path not in STARTS:
        return
    with ANNOUNCED.open("a") as file:
        if response.status_code < 300:
            file.write(f"{response.json()['call_id']}\n")
        elif response.status_code == 503:
            assert response.json()["code"] == "unavailable"
            file.write(f"{NOT_TAKEN}\n")


@schemathesis.check
def refused_for_its_meaning(ctx: Any, response: Any, case: Any) -> None:
    """Data that fits its schema is refused only for what a schema cannot say."""
    if response.status_code not in (400, 422) or case.meta is None:
        return
    if not case.meta.generation.mode.is_positive:
        return
    problem = response.json()
    if problem["code"] in ("bad-cursor", "bad-payload"):
        return
    if problem["code"] == "malformed-json":
        assert "64 bits" in problem["detail"], problem["detail"]
        return
    for error in problem.get("errors", []):
        is_patch = case.method.upper() == "PATCH"  # judged as the whole that it leads to
        by_field = MEANING_BY_FIELD.get(error["code"], "nothing") in error["field"]
        assert error["code"] in MEANINGS or by_field or is_patch, (
            f"{error['field']} is refused as {error['code']}, but openapi.json allows it"
        )


@schemathesis.check
def every_problem_is_whole(ctx: Any, response: Any, case: Any) -> None:
    if response.status_code >= 400 and case.operation.path != "/readyz":
        problem = response.json()
        assert problem["status"] == response.status_code
        assert problem["type"] == f"urn:switchboard:problem:{problem['code']}"
        assert problem["detail"].endswith((".", "…")), problem["detail"]
