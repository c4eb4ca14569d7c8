"""Builds the application from its settings."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from api import problems
from api.assistants import endpoints as assistants
from api.assistants.sample import add_sample
from api.auth import check_call_token
from api.calls import commands as call_commands
from api.calls import endpoints as calls
from api.calls import events as call_events
from api.codec import endpoints as codec
from api.edge.access_log import AccessLog
from api.edge.address_text import AddressText
from api.edge.rate_limit import LIMIT_FIELD, POLICY_FIELD, RateLimit
from api.edge.request_body import Larger, RequestBody
from api.edge.time_limit import TimeLimit
from api.edge.token_bucket import Policy
from api.health import endpoints as health
from api.idempotency import REPLAYED
from api.installation import endpoints as installation
from api.keys import endpoints as keys
from api.livekit_events import endpoints as livekit_events
from api.media_assets import endpoints as media_assets
from api.numbers import endpoints as numbers
from api.openapi_document import document_of
from api.outbound_calls import endpoints as outbound_calls
from api.parts import Parts, open_parts
from api.recordings import collection as all_recordings
from api.recordings import endpoints as recordings
from api.retention import endpoints as retention
from api.settings import ApiSettings
from api.trunks import endpoints as trunks
from api.turns import endpoints as turns
from api.web_calls import endpoints as web_calls
from api.webhooks import deliveries as webhook_deliveries
from api.webhooks import endpoints as webhooks
from contract.identity import DEFAULT_TENANT
from engine.shared_check import SharedCheck
from store.api_keys import ApiKeys, Role

_MIB = 1024 * 1024
_LARGER_BODIES = {
    # The Temporal UI sends a whole page of a history at once.
    "/codec/": Larger(4 * _MIB, codec.check_sender),
    # A hundred turns of long words.
    "/internal/": Larger(_MIB, check_call_token),
    # A room's metadata has up to 512 KiB, a participant's attributes 64 KiB, and JSON escapes them.
    # LiveKit never tells an event again that was refused for its size.
    "/livekit/": Larger(2 * _MIB, livekit_events.check_sender),
}
_RAW_BODIES = ("/livekit/",)  # signed as they are; nothing of an event may be refused for its looks
# LiveKit tells an event that was refused only for a while: its signature is checked before the
# event is read. Probes must be answered by a busy process, and a codec that asks nobody for a key
# serves only a machine of one's own.
_NEVER_COUNTED = ("/livekit/webhook", "/healthz", "/readyz", "/metrics")
# Agents tell a call's words, which nobody can ask for again.
_NOT_COUNTED_FOR_AGENTS = ("/internal/",)
# Open to strangers, and asks every part; what came back is seen a second later.
_READINESS_KEPT_SECONDS = 1.0
_RESOURCES = (
    web_calls,
    outbound_calls,
    calls,
    call_commands,
    call_events,
    recordings,
    all_recordings,
    retention,
    assistants,
    trunks,
    numbers,
    keys,
    media_assets,
    webhooks,
    webhook_deliveries,
    livekit_events,
    turns,
    codec,
    installation,
    health,
)


def build_app(settings: ApiSettings) -> FastAPI:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with open_parts(settings) as parts:
            await _furnish(parts)
            app.state.parts = parts
            app.state.readiness = SharedCheck(_READINESS_KEPT_SECONDS)
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
    _add_middleware(app, settings)
    app.openapi = lambda: document_of(app)  # type: ignore[method-assign]
    return app


def _add_middleware(app: FastAPI, settings: ApiSettings) -> None:
    """The innermost first."""
    app.add_middleware(problems.LastResort)
    app.add_middleware(AddressText)
    app.add_middleware(
        RequestBody,
        limit=settings.max_body_bytes,
        larger=_LARGER_BODIES,
        raw=_RAW_BODIES,
        seconds=settings.body_timeout_seconds,
    )
    app.add_middleware(TimeLimit, seconds=settings.request_timeout_seconds)
    window = settings.rate_limit_window_seconds
    app.add_middleware(
        RateLimit,
        per_key=Policy("key", settings.rate_limit_requests, window),
        per_address=Policy("address", settings.address_rate_limit_requests, window),
        call_token_secret=settings.call_token_secret,
        exempt=_NEVER_COUNTED + (("/codec/",) if settings.codec_open else ()),
        agents=_NOT_COUNTED_FOR_AGENTS,
    )
    app.add_middleware(AccessLog)
    app.add_middleware(
        CORSMiddleware,
        allow_origins=[*settings.cors_origins, *filter(None, [settings.temporal_ui_url])],
        allow_methods=["*"],
        allow_headers=["*"],
        allow_credentials=True,  # the Temporal UI sends its codec requests with credentials
        expose_headers=[REPLAYED, "Retry-After", "Location", LIMIT_FIELD, POLICY_FIELD],
    )


async def _furnish(parts: Parts) -> None:
    """A first key and a first assistant, so that a new installation can take a call."""
    if parts.settings.bootstrap_api_key:
        async with parts.database.session() as session:
            key = parts.settings.bootstrap_api_key
            await ApiKeys(session).add(key, DEFAULT_TENANT, Role.ADMIN, "bootstrap")
    await add_sample(parts.database, DEFAULT_TENANT)
