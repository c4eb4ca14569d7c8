"""The human whom Atlas serves: their coming and going, and their microphone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from livekit import rtc

from contract.facts import FactKind, ParticipantKind, ParticipantSeen

_KINDS = {
    rtc.ParticipantKind.PARTICIPANT_KIND_STANDARD: ParticipantKind.STANDARD,
    rtc.ParticipantKind.PARTICIPANT_KIND_SIP: ParticipantKind.SIP,
    rtc.ParticipantKind.PARTICIPANT_KIND_AGENT: ParticipantKind.AGENT,
    rtc.ParticipantKind.PARTICIPANT_KIND_EGRESS: ParticipantKind.EGRESS,
}
# Reasons after which nobody comes back by themselves. Any other leaves time to reconnect.
_GONE_FOR_GOOD = {
    rtc.DisconnectReason.CLIENT_INITIATED,
    rtc.DisconnectReason.PARTICIPANT_REMOVED,
    rtc.DisconnectReason.ROOM_DELETED,
    rtc.DisconnectReason.ROOM_CLOSED,
    rtc.DisconnectReason.USER_REJECTED,
    rtc.DisconnectReason.USER_UNAVAILABLE,
}
RETURN_PATIENCE = 5.0
# Of LiveKit's clients after it was away: as long as they try to come back.
REJOIN_PATIENCE = 20.0


class Human:
    def __init__(
        self,
        room: rtc.Room,
        identity: str,
        room_sid: str,
        *,
        tell: Callable[[FactKind, dict[str, Any]], None],
        on_present: Callable[[], None],
        on_gone: Callable[[], None],
    ) -> None:
        self._room = room
        self._identity = identity
        self._room_sid = room_sid
        self._tell = tell
        self._on_present = on_present
        self._on_gone = on_gone
        self._farewell: asyncio.TimerHandle | None = None
        self._out_of_sight: rtc.RemoteParticipant | None = None

    def start(self) -> None:
        self._room.on("reconnected", self._look_again)
        self._room.on("participant_connected", self._joined)
        self._room.on("participant_disconnected", self._left)
        self._room.on("track_published", self._published)
        for participant in self._room.remote_participants.values():
            self._joined(participant)

    async def aclose(self) -> None:
        self._room.off("track_published", self._published)
        self._room.off("participant_disconnected", self._left)
        self._room.off("participant_connected", self._joined)
        self._room.off("reconnected", self._look_again)
        self._stop_waiting()

    def _joined(self, participant: rtc.RemoteParticipant) -> None:
        if participant.identity != self._identity:
            return
        self._stop_waiting()
        self._out_of_sight = None
        self._tell(FactKind.PARTICIPANT_JOINED, self._seen(participant))
        for publication in participant.track_publications.values():
            self._published(publication, participant)
        self._on_present()

    def _left(self, participant: rtc.RemoteParticipant) -> None:
        if participant.identity != self._identity:
            return
        if self._room.connection_state != rtc.ConnectionState.CONN_CONNECTED:
            # We are the one who is cut off: livekit's client then says so of everybody.
            self._out_of_sight = participant
            return
        reason = participant.disconnect_reason or rtc.DisconnectReason.UNKNOWN_REASON
        self._tell_left(participant, reason)
        patience = 0.0 if reason in _GONE_FOR_GOOD else RETURN_PATIENCE
        self._wait(patience, self._on_gone)

    def _look_again(self) -> None:
        if self._out_of_sight is not None:
            self._wait(REJOIN_PATIENCE, self._has_not_come_back)

    def _has_not_come_back(self) -> None:
        if self._out_of_sight is not None:
            self._tell_left(self._out_of_sight, rtc.DisconnectReason.UNKNOWN_REASON)
        self._on_gone()

    def _tell_left(
        self, participant: rtc.RemoteParticipant, reason: rtc.DisconnectReason.ValueType
    ) -> None:
        name = rtc.DisconnectReason.Name(reason)
        self._tell(FactKind.PARTICIPANT_LEFT, self._seen(participant, name))

    def _published(
        self, publication: rtc.RemoteTrackPublication, participant: rtc.RemoteParticipant
    ) -> None:
        # The room is joined without subscriptions: Atlas hears the caller and nobody else.
        if (
            participant.identity == self._identity
            and publication.source == rtc.TrackSource.SOURCE_MICROPHONE
        ):
            publication.set_subscribed(True)

    def _wait(self, seconds: float, then: Callable[[], None]) -> None:
        self._stop_waiting()
        self._farewell = asyncio.get_running_loop().call_later(seconds, then)

    def _stop_waiting(self) -> None:
        if self._farewell is not None:
            self._farewell.cancel()
            self._farewell = None

    def _seen(self, participant: rtc.RemoteParticipant, reason: str = "") -> dict[str, Any]:
        seen = ParticipantSeen(
            identity=participant.identity,
            sid=participant.sid,
            participant_kind=_KINDS.get(participant.kind, ParticipantKind.OTHER),
            room_sid=self._room_sid,
            disconnect_reason=reason,
        )
        return seen.to_data()
