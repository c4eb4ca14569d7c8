"""The systems that activities work with, and whether they answer."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta

from livekit import api
from temporalio.client import Client

from activities.recording_bucket import RecordingBucket
from engine.http_pages import Check
from store.database import Database

# Nobody names a room like this.
_NO_ROOM = "readyz"
_PATIENCE = timedelta(seconds=2)


@dataclass(frozen=True, kw_only=True)
class Needed:
    """Each check raises whatever its client does; also when our key is refused."""

    temporal: Client
    database: Database
    livekit: api.LiveKitAPI

    async def check_temporal(self) -> None:
        await self.temporal.service_client.check_health(timeout=_PATIENCE)

    async def check_livekit(self) -> None:
        await self.livekit.room.list_rooms(api.ListRoomsRequest(names=[_NO_ROOM]))

    @property
    def checks(self) -> dict[str, Check]:
        return {
            "temporal": self.check_temporal,
            "database": self.database.ping,
            "livekit": self.check_livekit,
        }


@dataclass(frozen=True, kw_only=True)
class Outside(Needed):
    """Calls go on without these; recordings wait."""

    egress: api.LiveKitAPI
    bucket: RecordingBucket

    async def check_egress(self) -> None:
        """Its API, which tells nothing of whether a recorder is free."""
        asked = api.ListEgressRequest(room_name=_NO_ROOM, active=True)
        await self.egress.egress.list_egress(asked)

    async def check_bucket(self) -> None:
        await asyncio.to_thread(self.bucket.check)
