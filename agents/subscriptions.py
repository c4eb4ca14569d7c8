"""Other participants' subscriptions, as LiveKit's server lets an admin change them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection
from typing import Protocol

import aiohttp
from livekit import api, rtc

log = logging.getLogger(__name__)

# Of a participant that has just left LiveKit says so only after 3 s (livekit_measured.md 1 d5).
_PATIENCE = 1.0


# Seconds after a change: a subscription that was changed right after its track was published is
# lost without a word, and what a publisher allows again takes LiveKit a moment to know.
REPEATS = (0.05, 0.1, 0.15, 0.3, 0.6, 1.0)


class SubscriptionChanger(Protocol):
    async def change(self, identity: str, sids: Collection[str], *, hears: bool) -> None: ...


class Subscriptions:
    def __init__(self, livekit: api.LiveKitAPI, room: rtc.Room) -> None:
        self._livekit = livekit
        self._room = room

    async def change(self, identity: str, sids: Collection[str], *, hears: bool) -> None:
        """Never fails, and that it did not fail means nothing: right after a track was published
        LiveKit answers 200 and does nothing. Whoever asks, asks again."""
        request = api.UpdateSubscriptionsRequest(
            room=self._room.name, identity=identity, track_sids=sorted(sids), subscribe=hears
        )
        try:
            async with asyncio.timeout(_PATIENCE):
                await self._livekit.room.update_subscriptions(request)
        except (api.TwirpError, aiohttp.ClientError, TimeoutError) as error:
            log.info("subscriptions were not changed", extra={"error": type(error).__name__})
