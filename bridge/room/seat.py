"""The phone's seat in the room: taken before anybody is called, left when all is told."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import structlog
from livekit import rtc

from bridge.room.access import LiveKitAccess
from bridge.room.errors import LiveKitAway, RoomGone

log = structlog.get_logger()

_Reason = rtc.DisconnectReason
_LEAVING = 2.0  # s
_PARTING = 4.0  # s


class Gone(NamedTuple):
    """Why the phone is in the room no more: a reason of a leg's end, and a sentence."""

    reason: str
    detail: str


_GONE = {
    _Reason.PARTICIPANT_REMOVED: Gone("removed", "The phone was removed from the room."),
    _Reason.DUPLICATE_IDENTITY: Gone("removed", "Another phone took this one's place."),
    _Reason.ROOM_DELETED: Gone("room-closed", "The room was closed."),
    _Reason.ROOM_CLOSED: Gone("room-closed", "The room was closed."),
}
_LOST = Gone("room-lost", "LiveKit was lost and did not come back.")


class Seat:
    """`on_gone` is called once, when the room is lost to us and it was not we who left."""

    def __init__(self, access: LiveKitAccess, room_name: str, call_id: str) -> None:
        self.room = rtc.Room()
        self.gone: Gone | None = None
        self.on_gone: Callable[[Gone], None] | None = None
        self.on_back: Callable[[], None] | None = None
        """LiveKit was away, and this is another room of that name, perhaps."""
        self._access = access
        self._room_name = room_name
        self._log = log.bind(call_id=call_id)
        self._joining: asyncio.Task[None] | None = None
        self._sending: set[asyncio.Task[None]] = set()
        self._is_left = False
        self._handlers = {
            "disconnected": self._disconnected,
            "reconnecting": self._reconnecting,
            "reconnected": self._reconnected,
        }

    async def take(self, attributes: Mapping[str, str], patience: float) -> None:
        """Raises PhoneThere, RoomGone or LiveKitAway; `leave` is due then as well."""
        try:
            async with asyncio.timeout(patience):
                sid = await self._access.look(self._room_name)
                await self._join(attributes, patience)
                joined_sid = await self.room.sid
        except (TimeoutError, rtc.ConnectError) as error:
            raise LiveKitAway(
                f"LiveKit did not let the phone in ({type(error).__name__})."
            ) from None
        if joined_sid != sid:  # closed meanwhile; joining made another one, without a call
            raise RoomGone("The room was closed.")
        self.still_there()

    def still_there(self) -> None:
        """Raises RoomGone or LiveKitAway."""
        if self.gone is None:
            return
        if self.gone is _LOST:
            raise LiveKitAway(self.gone.detail)
        raise RoomGone(self.gone.detail)

    async def _join(self, attributes: Mapping[str, str], patience: float) -> None:
        for event, handler in self._handlers.items():
            self.room.on(event, handler)  # type: ignore[arg-type]
        token = self._access.join_token(self._room_name, attributes)
        options = rtc.RoomOptions(
            auto_subscribe=False, connect_timeout=patience, rtc_config=self._access.rtc_config
        )
        # A join that is given up goes on in LiveKit's client, and would sit there for ever.
        self._joining = asyncio.create_task(self.room.connect(self._access.url, token, options))
        await asyncio.shield(self._joining)

    def send(self, topic: str, payload: str, *, to: Sequence[str] = ()) -> None:
        """To all in the room, or to these; never blocks, keeps order. What comes while LiveKit is
        away is lost: who comes late reads the attributes."""
        if self._is_left or self.gone is not None:
            return
        task = asyncio.create_task(self._publish(topic, payload, list(to)))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    @property
    def agents(self) -> tuple[str, ...]:
        """Identities of those who are here."""
        return tuple(
            participant.identity
            for participant in self.room.remote_participants.values()
            if participant.kind == rtc.ParticipantKind.PARTICIPANT_KIND_AGENT
        )

    async def _publish(self, topic: str, payload: str, to: list[str]) -> None:
        try:
            await self.room.local_participant.publish_data(
                payload, topic=topic, destination_identities=to
            )
        except Exception as error:  # LiveKit's client raises what it likes
            self._log.info("room_not_told", topic=topic, error=type(error).__name__)

    async def leave(self) -> None:
        """Safe to repeat, also without having joined."""
        self._is_left = True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LEAVING):
                await asyncio.gather(*self._sending, return_exceptions=True)
        joining = self._joining
        if joining is None:
            return
        await asyncio.wait({joining}, timeout=_LEAVING)
        if joining.done():
            await self._part()
        else:
            joining.add_done_callback(self._part_late)

    def _part_late(self, _: asyncio.Task[None]) -> None:
        task = asyncio.create_task(self._part())
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def _part(self) -> None:
        try:
            async with asyncio.timeout(_PARTING):
                await self.room.disconnect()
        except Exception as error:  # the room is to be left, whatever LiveKit's client thinks
            self._log.warning("room_not_left", error=type(error).__name__)
            await self._access.remove_phone(self._room_name)
        for event, handler in self._handlers.items():
            self.room.off(event, handler)  # type: ignore[arg-type]
        self._handlers.clear()
        self.on_gone = self.on_back = None

    def _disconnected(self, reason: rtc.DisconnectReason.ValueType) -> None:
        if self._is_left or self.gone is not None:
            return
        self.gone = _GONE.get(reason, _LOST)
        self._log.info("phone_out_of_room", reason=self.gone.reason, livekit=_Reason.Name(reason))
        if self.on_gone is not None:
            self.on_gone(self.gone)

    def _reconnecting(self) -> None:
        self._log.warning("livekit_away")

    def _reconnected(self) -> None:
        self._log.info("livekit_back")
        if self.on_back is not None:
            self.on_back()
