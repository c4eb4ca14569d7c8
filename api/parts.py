"""What the endpoints work with, made once per process."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from livekit import api as livekit_api
from temporalio.client import Client
from temporalio.converter import DataConverter

from api.assistants.resealing import reseal_headers
from api.call_workflows import CallWorkflows
from api.edge.open_streams import OpenStreams
from api.recordings.object_store import ObjectStore
from api.settings import ApiSettings
from api.trunks.resealing import reseal_passwords
from api.until_answered import UntilAnswered
from api.webhooks.resealing import reseal_secrets
from engine.client import connect, data_converter
from engine.sealing import Sealing
from store.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    settings: ApiSettings
    database: Database
    temporal: Client
    workflows: CallWorkflows
    livekit: livekit_api.LiveKitAPI
    object_store: ObjectStore
    converter: DataConverter
    until_answered: UntilAnswered
    open_streams: OpenStreams
    sealing: Sealing | None  # None: no payload keys, so secrets cannot be kept


@asynccontextmanager
async def open_parts(settings: ApiSettings) -> AsyncIterator[Parts]:
    """Needs the database only; Temporal, LiveKit and the object store may come and go."""
    async with AsyncExitStack() as stack:
        database = Database(settings.database_url)
        stack.push_async_callback(database.aclose)
        await database.migrate()
        sealing = Sealing(settings.keys) if settings.keys else None
        if sealing is not None:
            await reseal_passwords(database, sealing)
            await reseal_headers(database, sealing)
            await reseal_secrets(database, sealing)
        livekit = livekit_api.LiveKitAPI(
            settings.livekit_url, settings.livekit_api_key, settings.livekit_api_secret
        )
        stack.push_async_callback(livekit.aclose)
        client = await connect(settings, lazy=True)
        until_answered = UntilAnswered()
        stack.push_async_callback(until_answered.aclose)
        yield Parts(
            settings=settings,
            database=database,
            temporal=client,
            workflows=CallWorkflows(client, settings.call_task_queue, settings.start_timeout),
            livekit=livekit,
            object_store=ObjectStore(settings),
            converter=data_converter(settings),
            until_answered=until_answered,
            open_streams=OpenStreams(
                settings.max_open_streams, settings.max_open_streams_per_tenant
            ),
            sealing=sealing,
        )


async def _parts_of(request: Request) -> Parts:
    parts: Parts = request.app.state.parts
    return parts


FromParts = Annotated[Parts, Depends(_parts_of)]
