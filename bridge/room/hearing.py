"""Whom the phone hears: by whitelist, current generations only (design section 4)."""

from __future__ import annotations

from collections.abc import Callable

from livekit import rtc

from bridge.room import metrics
from bridge.room.earpiece import Earpiece
from contract.identity import AgentRole, parse_agent_identity
from contract.rooms import RoomMetadata

_HUMAN = "human-"
_AUDIO = rtc.TrackKind.KIND_AUDIO
_OF_AGENTS = {
    AgentRole.ATLAS: rtc.TrackSource.SOURCE_MICROPHONE,
    AgentRole.MEDIA_BOT: rtc.TrackSource.SOURCE_SCREENSHARE_AUDIO,
}


class Hearing:
    """A frozen agent that wakes rejoins and talks on: its generation is past, and not heard."""

    def __init__(self, room: rtc.Room, earpiece: Earpiece) -> None:
        self._room = room
        self._earpiece = earpiece
        self._generation: dict[str, int] = {}
        self._heard: set[str] = set()
        self._handlers: dict[str, Callable[..., None]] = {
            "track_published": self._changed,
            "track_subscribed": self._subscribed,
            "track_unsubscribed": self._unsubscribed,
            "participant_connected": self._changed,
            "room_metadata_changed": self._changed,
        }

    def start(self) -> None:
        for event, handler in self._handlers.items():
            self._room.on(event, handler)  # type: ignore[arg-type]
        self.review()

    def close(self) -> None:
        for event, handler in self._handlers.items():
            self._room.off(event, handler)  # type: ignore[arg-type]
        self._handlers.clear()
        for sid in tuple(self._heard):
            self._forget(sid)

    def review(self) -> None:
        """Everybody who is there, by what the room's metadata says now."""
        # A LiveKit that was restarted has lost it: what was known stays until it is told anew.
        self._generation |= RoomMetadata.parse(self._room.metadata or "").generation
        for participant in tuple(self._room.remote_participants.values()):
            for publication in tuple(participant.track_publications.values()):
                wanted = self._is_wanted(publication, participant)
                if not wanted:
                    self._forget(publication.sid)  # at once, whenever LiveKit gets round to it
                if publication.subscribed != wanted:
                    publication.set_subscribed(wanted)

    def _changed(self, *_: object) -> None:
        self.review()

    def _unsubscribed(
        self, _: rtc.Track, publication: rtc.RemoteTrackPublication, *_more: object
    ) -> None:
        self._forget(publication.sid)

    def _subscribed(
        self,
        track: rtc.Track,
        publication: rtc.RemoteTrackPublication,
        participant: rtc.RemoteParticipant,
    ) -> None:
        if not self._is_wanted(publication, participant):  # no longer, or LiveKit's idea
            publication.set_subscribed(False)
            return
        assert isinstance(track, rtc.RemoteAudioTrack)
        if publication.sid not in self._heard:
            metrics.SUBSCRIPTIONS.inc()
        self._heard.add(publication.sid)
        self._earpiece.listen_to(track, publication.sid)

    def _forget(self, sid: str) -> None:
        if sid in self._heard:
            self._heard.discard(sid)
            metrics.SUBSCRIPTIONS.dec()
        self._earpiece.forget(sid)

    def _is_wanted(
        self, publication: rtc.RemoteTrackPublication, participant: rtc.RemoteParticipant
    ) -> bool:
        if publication.kind != _AUDIO:
            return False
        agent = parse_agent_identity(participant.identity)
        if agent is None:
            return participant.identity.startswith(_HUMAN)
        role, generation = agent
        return publication.source == _OF_AGENTS[role] and generation == self._current(role)

    def _current(self, role: AgentRole) -> int:
        """Told by the metadata; until then the youngest one is."""
        if (told := self._generation.get(role)) is not None:
            return told
        present = (parse_agent_identity(each) for each in self._room.remote_participants)
        return max((number for of, number in filter(None, present) if of == role), default=1)
