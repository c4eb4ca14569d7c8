"""Other participants' subscriptions, as LiveKit's server lets an admin change them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection

import aiohttp
from livekit import api
from livekit.agents import JobContext

log = logging.getLogger(__name__)

# Of a participant that has just left LiveKit says so only after 3 s (livekit_measured.md 1 d5).
_PATIENCE = 1.0


class Subscriptions:
    def __init__(self, ctx: JobContext) -> None:
        self._ctx = ctx

    async def change(self, identity: str, sids: Collection[str], *, hears: bool) -> None:
        """Never fails, and that it did not fail means nothing: right after a track was published
        LiveKit answers 200 and does nothing. Whoever asks, asks again."""
        request = api.UpdateSubscriptionsRequest(
            room=self._ctx.room.name, identity=identity, track_sids=sorted(sids), subscribe=hears
        )
        try:
            async with asyncio.timeout(_PATIENCE):
                await self._ctx.api.room.update_subscriptions(request)
        except (api.TwirpError, aiohttp.ClientError, TimeoutError) as error:
            log.info("subscriptions were not changed", extra={"error": type(error).__name__})
