"""The humans of the room: what they are called, and their microphones' sound."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Callable

from livekit import rtc

from agents.media_bot.transcription.audio import FRAME_MS, SAMPLE_RATE, Piece
from contract.holds import HoldState
from contract.rooms import Attribute

log = logging.getLogger(__name__)

_HUMANS = {
    rtc.ParticipantKind.PARTICIPANT_KIND_STANDARD,
    rtc.ParticipantKind.PARTICIPANT_KIND_SIP,
}
_FURTHER = re.compile(r"human(-[0-9]{1,9})?")


def speaker_of(identity: str, call_human: str) -> str:
    """What a human is called in the record: never an identity, which may be a phone number."""
    if identity == call_human:
        return "caller"
    return identity if _FURTHER.fullmatch(identity) else "human"


def name_of(identity: str, call_human: str) -> str:
    """The same in a sentence."""
    speaker = speaker_of(identity, call_human)
    return {"caller": "the caller", "human": "a further human"}.get(speaker, speaker)


def is_human(participant: rtc.Participant) -> bool:
    return participant.kind in _HUMANS


class Microphones:
    """Subscribes to humans' microphones while it is open, and to nothing else ever."""

    def __init__(
        self,
        room: rtc.Room,
        *,
        on_piece: Callable[[str, Piece], None],
        on_silent: Callable[[str], None],
        on_hold: Callable[[str, bool], None],
        on_left: Callable[[str], None],
    ) -> None:
        """All are told an identity. `on_silent`: its sound ended, for now."""
        self._room = room
        self._on_piece = on_piece
        self._on_silent = on_silent
        self._on_hold = on_hold
        self._on_left = on_left
        self._is_open = False
        self._holds: dict[str, HoldState] = {}
        self._ears: dict[str, tuple[rtc.AudioStream, asyncio.Task[None]]] = {}
        self._closing: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        self._room.on("track_published", self._published)
        self._room.on("track_subscribed", self._subscribed)
        self._room.on("track_unsubscribed", self._unsubscribed)
        self._room.on("participant_connected", self._joined)
        self._room.on("participant_disconnected", self._left)
        self._room.on("participant_attributes_changed", self._attributes_changed)
        self._room.on("reconnected", self._subscribe_all)
        for participant in self._room.remote_participants.values():
            self._joined(participant)

    async def aclose(self) -> None:
        self._room.off("reconnected", self._subscribe_all)
        self._room.off("participant_attributes_changed", self._attributes_changed)
        self._room.off("participant_disconnected", self._left)
        self._room.off("participant_connected", self._joined)
        self._room.off("track_unsubscribed", self._unsubscribed)
        self._room.off("track_subscribed", self._subscribed)
        self._room.off("track_published", self._published)
        for sid in list(self._ears):
            self._close_ear(sid)
        await asyncio.gather(*self._closing, return_exceptions=True)

    def open(self, is_open: bool) -> None:
        if is_open == self._is_open:
            return
        self._is_open = is_open
        for participant in self._room.remote_participants.values():
            for publication in _microphones(participant):
                publication.set_subscribed(is_open)

    def is_held(self, identity: str) -> bool:
        """Also of who is away: they come back without the attribute, and are held until a higher
        number says that they are not, as agents.our_hold has it."""
        state = self._holds.get(identity)
        return state is not None and state.is_held

    def _subscribe_all(self) -> None:
        for participant in self._room.remote_participants.values():
            self._subscribe(participant)

    def _subscribe(self, participant: rtc.RemoteParticipant) -> None:
        # The room is joined without subscriptions.
        if self._is_open:
            for publication in _microphones(participant):
                publication.set_subscribed(True)

    def _published(self, _: rtc.RemoteTrackPublication, participant: rtc.RemoteParticipant) -> None:
        self._subscribe(participant)

    def _subscribed(
        self,
        track: rtc.Track,
        publication: rtc.RemoteTrackPublication,
        participant: rtc.RemoteParticipant,
    ) -> None:
        if publication not in _microphones(participant):
            return
        self._close_ear(publication.sid)
        stream = rtc.AudioStream.from_track(
            track=track, sample_rate=SAMPLE_RATE, num_channels=1, frame_size_ms=FRAME_MS
        )
        hearing = asyncio.create_task(self._hear(stream, participant.identity), name="microphone")
        self._ears[publication.sid] = (stream, hearing)

    async def _hear(self, stream: rtc.AudioStream, identity: str) -> None:
        async for event in stream:
            seconds = event.frame.samples_per_channel / event.frame.sample_rate
            self._on_piece(identity, Piece(event.frame, time.time() - seconds))

    def _unsubscribed(
        self,
        _: rtc.Track,
        publication: rtc.RemoteTrackPublication,
        participant: rtc.RemoteParticipant,
    ) -> None:
        if publication.sid in self._ears:
            self._close_ear(publication.sid)
            self._on_silent(participant.identity)

    def _joined(self, participant: rtc.RemoteParticipant) -> None:
        if is_human(participant):
            self._read_hold(participant)
            self._subscribe(participant)

    def _left(self, participant: rtc.RemoteParticipant) -> None:
        for publication in participant.track_publications.values():
            self._close_ear(publication.sid)
        if is_human(participant):
            self._on_left(participant.identity)

    def _attributes_changed(self, _: dict[str, str], participant: rtc.Participant) -> None:
        human = self._room.remote_participants.get(participant.identity)
        if human is not None and is_human(human):
            self._read_hold(human)

    def _read_hold(self, human: rtc.RemoteParticipant) -> None:
        state = HoldState.parse(human.attributes.get(Attribute.CALL_HOLD, ""))
        before = self._holds.get(human.identity)
        if state is None or (before is not None and state.seq <= before.seq):
            return
        self._holds[human.identity] = state
        self._on_hold(human.identity, state.is_held)
        if not state.is_held:
            # Who isolated the held one may have taken us out of its listeners, too.
            self._subscribe(human)

    def _close_ear(self, sid: str) -> None:
        ear = self._ears.pop(sid, None)
        if ear is not None:
            closing = asyncio.create_task(_close(*ear), name="microphone_closes")
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)


def _microphones(participant: rtc.RemoteParticipant) -> list[rtc.RemoteTrackPublication]:
    return [
        publication
        for publication in participant.track_publications.values()
        if is_human(participant) and publication.source == rtc.TrackSource.SOURCE_MICROPHONE
    ]


async def _close(stream: rtc.AudioStream, hearing: asyncio.Task[None]) -> None:
    """A stream left open would go on with whatever track is published next."""
    hearing.cancel()
    await asyncio.gather(hearing, return_exceptions=True)
    await stream.aclose()
