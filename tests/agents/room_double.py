"""A room as agents see it, without LiveKit: participants, attributes, data and who sent it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from livekit import rtc

SIP = rtc.ParticipantKind.PARTICIPANT_KIND_SIP
STANDARD = rtc.ParticipantKind.PARTICIPANT_KIND_STANDARD


@dataclass(eq=False)
class Person:
    identity: str
    kind: int = STANDARD
    attributes: dict[str, str] = field(default_factory=dict)
    sid: str = "PA_1"
    track_publications: dict[str, Any] = field(default_factory=dict)
    disconnect_reason: int | None = None


@dataclass(frozen=True)
class Packet:
    topic: str
    data: bytes
    participant: Person | None


class RoomDouble(rtc.EventEmitter[str]):
    def __init__(self, *people: Person) -> None:
        super().__init__()
        self.remote_participants: dict[str, Any] = {person.identity: person for person in people}
        self.connection_state = rtc.ConnectionState.CONN_CONNECTED
        self.metadata = ""

    def enter(self, person: Person) -> None:
        self.remote_participants[person.identity] = person
        self.emit("participant_connected", person)

    def leave(self, person: Person, reason: int | None) -> None:
        person.disconnect_reason = reason
        del self.remote_participants[person.identity]
        self.emit("participant_disconnected", person)

    def write(self, person: Person, **attributes: str) -> None:
        changed = {name.replace("_", "."): value for name, value in attributes.items()}
        person.attributes |= changed
        self.emit("participant_attributes_changed", changed, person)

    def describe(self, metadata: str) -> None:
        self.metadata = metadata
        self.emit("room_metadata_changed", "", metadata)

    def send(self, topic: str, text: str = "", sender: Person | None = None) -> None:
        self.emit("data_received", Packet(topic, text.encode(), sender))
