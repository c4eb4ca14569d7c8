"""Builds the application from its settings."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.middleware.cors import CORSMiddleware

from api import problems
from api.access_log import AccessLog
from api.assistants import endpoints as assistants
from api.assistants.sample import add_sample
from api.body_limit import BodyLimit
from api.calls import endpoints as calls
from api.calls import events as call_events
from api.codec import endpoints as codec
from api.health import endpoints as health
from api.idempotency import REPLAYED
from api.livekit_events import endpoints as livekit_events
from api.parts import Parts, open_parts
from api.recordings import endpoints as recordings
from api.settings import ApiSettings
from api.turns import endpoints as turns
from api.web_calls import endpoints as web_calls
from store.api_keys import ApiKeys, Role

FIRST_TENANT = "default"
_LARGER_BODIES = {
    "/codec/": 4 * 1024 * 1024,  # the Temporal UI sends a whole page of a history at once
    "/internal/": 1024 * 1024,  # a hundred turns of long words
}
_RESOURCES = (
    web_calls,
    calls,
    call_events,
    recordings,
    assistants,
    livekit_events,
    turns,
    codec,
    health,
)


def build_app(settings: ApiSettings) -> FastAPI:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with open_parts(settings) as parts:
            await _furnish(parts)
            app.state.parts = parts
            yield

    app = FastAPI(
        title="Switchboard",
        version="0.1.0",
        summary="Every phone or web call is one durable Temporal workflow.",
        lifespan=lifespan,
    )
    problems.install(app)
    for resource in _RESOURCES:
        app.include_router(resource.router)
    app.add_middleware(BodyLimit, limit=settings.max_body_bytes, larger=_LARGER_BODIES)
    app.add_middleware(AccessLog)
    app.add_middleware(
        CORSMiddleware,
        allow_origins=[*settings.cors_origins, *filter(None, [settings.temporal_ui_url])],
        allow_methods=["*"],
        allow_headers=["*"],
        allow_credentials=True,  # the Temporal UI sends its codec requests with credentials
        expose_headers=[REPLAYED, "Retry-After"],
    )
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]
    return app


async def _furnish(parts: Parts) -> None:
    """A first key and a first assistant, so that a new installation can take a call."""
    if parts.settings.bootstrap_api_key:
        async with parts.database.session() as session:
            key = parts.settings.bootstrap_api_key
            await ApiKeys(session).add(key, FIRST_TENANT, Role.ADMIN, "bootstrap")
    await add_sample(parts.database, FIRST_TENANT)


def _openapi(app: FastAPI) -> dict[str, Any]:
    """FastAPI's document, with our problems in place of its own error shape."""
    if app.openapi_schema is None:
        document = get_openapi(
            title=app.title, version=app.version, summary=app.summary, routes=app.routes
        )
        schemas = document["components"]["schemas"]
        for name in ("HTTPValidationError", "ValidationError"):
            schemas.pop(name, None)
        schemas |= problems.openapi_schemas()
        for operations in document["paths"].values():
            for operation in operations.values():
                operation["responses"].pop("422", None)
                operation["responses"]["default"] = problems.OPENAPI_RESPONSE
        app.openapi_schema = document
    return app.openapi_schema
