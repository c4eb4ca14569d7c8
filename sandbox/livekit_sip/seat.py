"""The participant of kind SIP, and how it is in its room."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Mapping
from datetime import timedelta
from typing import Any, TypeAlias

import structlog
from livekit import api, rtc

from bridge.room.earpiece import Earpiece
from contract.rooms import SipAttribute
from sandbox.livekit_sip.place import Place

log = structlog.get_logger()

_AUDIO = rtc.TrackKind.KIND_AUDIO
_STEP = 2.0  # s; what LiveKit does not take by then is lost
_JOINING = 10.0
_CODES = {"*": 10, "#": 11, "A": 12, "B": 13, "C": 14, "D": 15}
_TOKEN_LIFE = timedelta(hours=24)

Reason: TypeAlias = "rtc.DisconnectReason.ValueType"


class Seat:
    """`take`, then `show` and `press` in order, `listen` once somebody has answered, `leave`."""

    def __init__(self, place: Place) -> None:
        self.room = rtc.Room()
        self.on_gone: Callable[[], None] | None = None
        """We are out of the room, and it was not we who left."""
        self.on_digit: Callable[[str], None] | None = None
        self._place = place
        self._steps: asyncio.Queue[Coroutine[Any, Any, None]] = asyncio.Queue()
        self._worker: asyncio.Task[None] | None = None
        self._earpiece: Earpiece | None = None
        self._is_left = False

    @property
    def sid(self) -> str:
        return self.room.local_participant.sid

    async def take(
        self, room_name: str, identity: str, name: str, metadata: str, attributes: Mapping[str, str]
    ) -> None:
        """Makes the room where there is none. Raises rtc.ConnectError."""
        self.room.on("disconnected", self._disconnected)
        self.room.on("sip_dtmf_received", self._pressed)
        token = (
            api.AccessToken(*self._place.livekit_keys)
            .with_identity(identity)
            .with_name(name)
            .with_metadata(metadata)
            .with_attributes(dict(attributes))
            .with_kind("sip")
            .with_ttl(_TOKEN_LIFE)
            .with_grants(
                api.VideoGrants(room_join=True, room=room_name, can_update_own_metadata=True)
            )
        )
        options = rtc.RoomOptions(
            auto_subscribe=False,
            connect_timeout=_JOINING,
            rtc_config=self._place.livekit.rtc_config,
        )
        await self.room.connect(self._place.livekit.url, token.to_jwt(), options)
        self._worker = asyncio.create_task(self._work(), name="sip_seat")

    def show(self, status: str, more: Mapping[SipAttribute, str] | None = None) -> None:
        """The call's state, for all in the room."""
        values = {SipAttribute.CALL_STATUS.value: status}
        values |= {name.value: value for name, value in (more or {}).items()}
        self._steps.put_nowait(self.room.local_participant.set_attributes(values))

    def press(self, digit: str) -> None:
        """The phone pressed it."""
        code = _CODES.get(digit, ord(digit) - ord("0"))
        self._steps.put_nowait(self.room.local_participant.publish_dtmf(code=code, digit=digit))

    def listen(self, earpiece: Earpiece) -> None:
        """To all that is published as audio in the room, whoever it is."""
        self._earpiece = earpiece
        self.room.on("track_published", self._published)
        self.room.on("track_subscribed", self._subscribed)
        self.room.on("track_unsubscribed", self._unsubscribed)
        for participant in self.room.remote_participants.values():
            for publication in participant.track_publications.values():
                self._published(publication, participant)

    async def settled(self) -> None:
        """Once the room has been told all so far."""
        await self._steps.join()

    async def leave(self, reason: Reason) -> None:
        """Never raises."""
        self._is_left = True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_STEP):
                await self.settled()
        if self._worker is not None:
            self._worker.cancel()
            await asyncio.gather(self._worker, return_exceptions=True)
        while not self._steps.empty():
            self._steps.get_nowait().close()
        try:
            async with asyncio.timeout(_STEP):
                await self.room.disconnect(reason=reason)
        except Exception as error:  # LiveKit's client raises what it likes
            log.warning("room_not_left", error=type(error).__name__)

    async def _work(self) -> None:
        while True:
            step = await self._steps.get()
            try:
                async with asyncio.timeout(_STEP):
                    await step
            except Exception as error:  # the call goes on, whatever the room is not told
                log.warning("room_not_told", error=type(error).__name__)
            finally:
                self._steps.task_done()

    def _published(self, publication: rtc.RemoteTrackPublication, _: rtc.RemoteParticipant) -> None:
        if publication.kind == _AUDIO:
            publication.set_subscribed(True)

    def _subscribed(
        self, track: rtc.Track, publication: rtc.RemoteTrackPublication, _: rtc.RemoteParticipant
    ) -> None:
        if self._earpiece is not None and isinstance(track, rtc.RemoteAudioTrack):
            self._earpiece.listen_to(track, publication.sid)

    def _unsubscribed(
        self, _track: rtc.Track, publication: rtc.RemoteTrackPublication, *_: object
    ) -> None:
        if self._earpiece is not None:
            self._earpiece.forget(publication.sid)

    def _pressed(self, pressed: rtc.SipDTMF) -> None:
        if self.on_digit is not None:
            self.on_digit(pressed.digit)

    def _disconnected(self, reason: Reason) -> None:
        if self._is_left:
            return
        log.info("sip_out_of_room", livekit=rtc.DisconnectReason.Name(reason))
        if self.on_gone is not None:
            self.on_gone()
