"""Addresses that no stored thing can have: PostgreSQL keeps no null character in a text."""

from __future__ import annotations

from urllib.parse import unquote_to_bytes

from fastapi import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from api.problems import problem


class AddressText:
    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = self._app
        if scope["type"] == "http":
            if "\0" in scope["path"]:
                detail = "There is nothing at this address: it has a null character."
                answer = problem(Request(scope), 404, "not-found", detail)
            elif b"\0" in unquote_to_bytes(scope["query_string"]):
                detail = "The query has a null character, which nothing has in it."
                answer = problem(Request(scope), 422, "invalid-request", detail)
        await answer(scope, receive, send)
