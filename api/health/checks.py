"""Does each part that we need answer? Asked side by side, each with its own patience."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import aiohttp
from pydantic import BaseModel, Field

from api.parts import Parts

_PATIENCE = 2.0


class PartState(BaseModel):
    ok: bool
    detail: str = Field("", description="Why not, without addresses or secrets.")


async def check_all(parts: Parts) -> dict[str, PartState]:
    checks: dict[str, Callable[[], Awaitable[None]]] = {
        "temporal": parts.workflows.ping,
        "livekit": lambda: _livekit(parts.settings.livekit_url),
        "database": parts.database.ping,
        "object_store": lambda: asyncio.to_thread(parts.object_store.check),
    }
    states = await asyncio.gather(*(_state(check) for check in checks.values()))
    return dict(zip(checks, states, strict=True))


async def _state(check: Callable[[], Awaitable[None]]) -> PartState:
    try:
        async with asyncio.timeout(_PATIENCE):
            await check()
    except TimeoutError:
        return PartState(ok=False, detail=f"no answer within {_PATIENCE:g} s")
    except Exception as error:  # whatever it is, the part cannot be used
        return PartState(ok=False, detail=type(error).__name__)
    return PartState(ok=True)


async def _livekit(url: str) -> None:
    http_url = url.replace("ws", "http", 1) if url.startswith("ws") else url
    async with aiohttp.ClientSession() as session, session.get(http_url) as answer:
        answer.raise_for_status()
