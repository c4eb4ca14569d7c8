"""The hall's rooms, as the answers of a real livekit-server v1.13.5 describe them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from livekit import api
from livekit.protocol.agent_dispatch import AgentDispatch
from livekit.protocol.models import DisconnectReason, ParticipantInfo, Room
from livekit.protocol.webhook import WebhookEvent

from sandbox.twirp import TwirpError, new_id

# When a request names none: as the embedded stack configures LiveKit.
_EMPTY_TIMEOUT, _DEPARTURE_TIMEOUT = 60, 20
# `num_participants` leaves out who only serves (livekit-server, participant.go: IsDependent).
_DEPENDENT = (ParticipantInfo.Kind.AGENT, ParticipantInfo.Kind.EGRESS)

_NO_ROOM = "twirp error unknown: requested room does not exist"
_NO_PARTICIPANT = "twirp error unknown: participant does not exist"

Publish = Callable[[WebhookEvent], None]


@dataclass(slots=True)
class _Place:
    room: Room
    participants: dict[str, ParticipantInfo] = field(default_factory=dict)
    dispatches: list[AgentDispatch] = field(default_factory=list)

    def count(self) -> None:
        present = self.participants.values()
        self.room.num_participants = sum(who.kind not in _DEPENDENT for who in present)
        self.room.num_publishers = sum(who.is_publisher for who in present)


class Rooms:
    """Every answer is the caller's own copy. Raises TwirpError as LiveKit refuses."""

    def __init__(self, publish: Publish) -> None:
        self._publish = publish
        self._places: dict[str, _Place] = {}

    # --- RoomService -----------------------------------------------------------------------------

    def create(self, asked: api.CreateRoomRequest) -> Room:
        """A room that exists stays as it is, and nobody is dispatched to it anew."""
        place = self._places.get(asked.name)
        if place is None:
            place = self._places[asked.name] = _Place(_new_room(asked))
            for agent in asked.agents:
                self._dispatch(place, agent.agent_name, agent.metadata)
            self._tell("room_started", place)
        return _copy(place.room)

    def find(self, names: Sequence[str]) -> list[Room]:
        wanted = [self._places[name] for name in dict.fromkeys(names) if name in self._places]
        return [place.room for place in (wanted if names else self._places.values())]

    def delete(self, name: str) -> None:
        place = self._place(name)
        for identity in list(place.participants):
            self._remove(place, identity, DisconnectReason.ROOM_DELETED)
        del self._places[name]
        self._tell("room_finished", place)

    def update_metadata(self, name: str, metadata: str) -> Room:
        place = self._place(name)
        place.room.metadata = metadata
        return _copy(place.room)

    def participants(self, name: str) -> list[ParticipantInfo]:
        place = self._places.get(name)
        return list(place.participants.values()) if place else []

    def remove(self, name: str, identity: str) -> None:
        place = self._places.get(name)
        if place is None or identity not in place.participants:
            raise TwirpError("not_found", _NO_PARTICIPANT)
        self._remove(place, identity, DisconnectReason.PARTICIPANT_REMOVED)

    # --- AgentDispatchService --------------------------------------------------------------------

    def dispatches(self, name: str) -> list[AgentDispatch]:
        place = self._places.get(name)
        return list(place.dispatches) if place else []

    def dispatch(self, asked: api.CreateAgentDispatchRequest) -> AgentDispatch:
        """Makes the room too, as LiveKit does."""
        if asked.room not in self._places:
            self.create(api.CreateRoomRequest(name=asked.room))
        return self._dispatch(self._places[asked.room], asked.agent_name, asked.metadata)

    # --- Coming and going, by control ------------------------------------------------------------

    def join(self, name: str, who: ParticipantInfo) -> ParticipantInfo:
        place = self._place(name)
        now = time.time()
        who.MergeFrom(
            ParticipantInfo(
                sid=new_id("PA"),
                state=ParticipantInfo.State.ACTIVE,
                joined_at=int(now),
                joined_at_ms=int(now * 1000),
            )
        )
        place.participants[who.identity] = who
        place.count()
        self._tell("participant_joined", place, who)
        return who

    def leave(self, name: str, identity: str) -> None:
        place = self._place(name)
        if identity not in place.participants:
            raise TwirpError("not_found", _NO_PARTICIPANT)
        self._remove(place, identity, DisconnectReason.CLIENT_INITIATED)

    def __len__(self) -> int:
        return len(self._places)

    def _place(self, name: str) -> _Place:
        try:
            return self._places[name]
        except KeyError:
            raise TwirpError("not_found", _NO_ROOM) from None

    def _remove(self, place: _Place, identity: str, reason: DisconnectReason) -> None:
        who = place.participants.pop(identity)
        place.count()
        who.state, who.disconnect_reason = ParticipantInfo.State.DISCONNECTED, reason
        self._tell("participant_left", place, who)

    @staticmethod
    def _dispatch(place: _Place, agent_name: str, metadata: str) -> AgentDispatch:
        dispatch = AgentDispatch(
            id=new_id("AD"), agent_name=agent_name, room=place.room.name, metadata=metadata
        )
        place.dispatches.append(dispatch)
        return dispatch

    def _tell(self, event: str, place: _Place, who: ParticipantInfo | None = None) -> None:
        self._publish(
            WebhookEvent(
                event=event,
                id=new_id("EV"),
                created_at=int(time.time()),
                room=place.room,
                participant=who,
            )
        )


def _new_room(asked: api.CreateRoomRequest) -> Room:
    now = time.time()
    return Room(
        sid=new_id("RM"),
        name=asked.name,
        empty_timeout=asked.empty_timeout or _EMPTY_TIMEOUT,
        departure_timeout=asked.departure_timeout or _DEPARTURE_TIMEOUT,
        creation_time=int(now),
        creation_time_ms=int(now * 1000),
        metadata=asked.metadata,
    )


def _copy(room: Room) -> Room:
    own = Room()
    own.CopyFrom(room)
    return own
