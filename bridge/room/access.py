"""Our way to LiveKit: tokens of phones, and the RoomService."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from datetime import timedelta
from urllib.parse import urlsplit

import aiohttp
from livekit import api, rtc
from livekit.api.room_service import RoomService

from bridge.addresses import in_uri
from bridge.room.errors import LiveKitAway, PhoneThere, RoomGone
from contract.identity import PHONE_IDENTITY

_NAME = "Phone"
_WRITE_PATIENCE = 2.0  # s
_STUN_PORT = 3478
_AWAY = (api.ServerError, aiohttp.ClientError, TimeoutError, OSError)
# Long enough to come back with after LiveKit was away; LiveKit renews it for who stays.
_TOKEN_LIFE = timedelta(hours=6)


class LiveKitAccess:
    """One a process, used within one event loop; `aclose` it when the last leg has gone."""

    def __init__(self, url: str, api_key: str, api_secret: str) -> None:
        """`url`: ws://, wss://, http:// or https://."""
        self.url = url
        self._api_key = api_key
        self._api_secret = api_secret
        self._client: api.LiveKitAPI | None = None

    @property
    def rtc_config(self) -> rtc.RtcConfiguration:
        """No STUN server but LiveKit itself. A LiveKit without any of its own names Google's and
        Twilio's, whose names are looked up for each transport of each call: tens of threads and
        descriptors, for as long as no DNS answers. We reach LiveKit by our own address."""
        host = in_uri(urlsplit(self.url).hostname or "")
        stun = rtc.IceServer(urls=[f"stun:{host}:{_STUN_PORT}"])
        return rtc.RtcConfiguration(ice_servers=[stun])

    async def aclose(self) -> None:
        """Safe to repeat."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    def join_token(self, room_name: str, attributes: Mapping[str, str]) -> str:
        """For `phone`. It may not write attributes, as no token may that leaves us: we do that."""
        grants = api.VideoGrants(room_join=True, room=room_name)
        return (
            api.AccessToken(self._api_key, self._api_secret)
            .with_identity(PHONE_IDENTITY)
            .with_name(_NAME)
            .with_kind("sip")
            .with_attributes(dict(attributes))
            .with_ttl(_TOKEN_LIFE)
            .with_grants(grants)
            .to_jwt()
        )

    async def look(self, room_name: str) -> str:
        """The room's sid. Raises RoomGone, PhoneThere or LiveKitAway."""
        try:
            rooms, phone_is_there = await asyncio.gather(
                self._rooms.list_rooms(api.ListRoomsRequest(names=[room_name])),
                self._phone_is_in(room_name),
            )
        except _AWAY as error:
            raise LiveKitAway(f"LiveKit does not answer ({type(error).__name__}).") from None
        if phone_is_there:
            raise PhoneThere("The room has a phone already.")
        if not rooms.rooms:
            raise RoomGone("There is no such room.")
        sid: str = rooms.rooms[0].sid
        return sid

    async def write_attributes(self, room_name: str, attributes: Mapping[str, str]) -> None:
        """Raises whatever keeps LiveKit from having them: they are to be written again then."""
        async with asyncio.timeout(_WRITE_PATIENCE):
            await self._rooms.update_participant(
                api.UpdateParticipantRequest(
                    room=room_name, identity=PHONE_IDENTITY, attributes=dict(attributes)
                )
            )

    async def remove_phone(self, room_name: str) -> None:
        """Never raises: LiveKit notices by itself after a while who does not answer any more."""
        who = api.RoomParticipantIdentity(room=room_name, identity=PHONE_IDENTITY)
        with contextlib.suppress(*_AWAY):
            async with asyncio.timeout(_WRITE_PATIENCE):
                await self._rooms.remove_participant(who)

    async def _phone_is_in(self, room_name: str) -> bool:
        try:
            await self._rooms.get_participant(
                api.RoomParticipantIdentity(room=room_name, identity=PHONE_IDENTITY)
            )
        except api.ServerError as error:
            if error.code == api.ServerErrorCode.NOT_FOUND:
                return False
            raise
        return True

    @property
    def _rooms(self) -> RoomService:
        if self._client is None:
            self._client = api.LiveKitAPI(self.url, self._api_key, self._api_secret)
        return self._client.room
