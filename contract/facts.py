"""Facts: what happened, told to a call's workflow by those who saw it (design 5.9).

Facts arrive late, twice and in any order. `id` names the event itself (a webhook keeps its id over
retries), `(source, generation, seq)` orders what one teller says, `at` is the teller's clock.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

# By which a workflow is told: one fact as a dict, or a list of them. Whoever reads its history
# must know both: LiveKit's webhooks and the API tell one, agents and bridges what they have.
FACT_SIGNAL = "fact"
FACTS_SIGNAL = "facts"


class FactSource(StrEnum):
    LIVEKIT = "livekit"  # a verified webhook
    ATLAS = "atlas"
    MEDIA_BOT = "media-bot"
    BRIDGE = "bridge"
    WATCH = "watch"  # the room watch
    API = "api"
    RECORDING = "recording"  # the recording workflow


class FactKind(StrEnum):
    # Participants of the room. data: ParticipantSeen's fields.
    PARTICIPANT_JOINED = "participant_joined"
    PARTICIPANT_LEFT = "participant_left"
    ROOM_FINISHED = "room_finished"  # data: {room_sid}
    # The room watch. data: {room_sid}; HUMANS_PRESENT also {identity, sid}
    ROOM_GONE = "room_gone"
    ROOM_REPLACED = "room_replaced"
    HUMANS_PRESENT = "humans_present"
    HUMANS_GONE = "humans_gone"
    AGENTS_GONE = "agents_gone"  # data: {roles: [AgentRole]}
    # Agents; generation says which one.
    AGENT_READY = "agent_ready"
    AGENT_FAILED = "agent_failed"  # data: {error}
    OPENING_STARTED = "opening_started"
    ASSISTANT_ENDED = "assistant_ended"  # data: {reason}: the assistant's own end_call
    SILENCE_TIMEOUT = "silence_timeout"
    HOLD_REQUESTED = "hold_requested"  # data: {seconds}: the assistant's own hold_caller
    USAGE_REPORTED = "usage_reported"  # data: {items: [UsageItem as dict]}
    # The phone. All but PHONE_LOST are the bridge's.
    RINGING = "ringing"  # data: {sip_status, early_media}
    ANSWERED = "answered"  # data: {codec}; {guessed: true} of who saw it afterwards
    HELD = "held"  # data: {holder, seq}; RESUMED alike
    RESUMED = "resumed"
    DTMF = "dtmf"  # data: {count}: keys that were pressed; which ones is the caller's secret
    QUALITY = "quality"  # data: the figures of bridge.rtp.Quality; once a minute
    CONNECTION_CHANGED = "connection_changed"  # data: {lost: bool}: the signalling's
    LEG_ENDED = "leg_ended"  # data: contract.phone.LegReport
    PHONE_LOST = "phone_lost"  # an agent's: data: {last_heard_at}; the bridge process is gone
    AGENT_LOST = "agent_lost"  # data: {role, generation}: who watches hears nothing of it any more
    # Media Bot. data: {command_id, purpose, host, detail}; detail is a sentence for the timeline
    PLAYBACK_STARTED = "playback_started"
    PLAYBACK_ENDED = "playback_ended"
    PLAYBACK_FAILED = "playback_failed"
    # data: {participant, provider, fallback: str | None, detail}; provider is who failed, fallback
    # who hears that participant now (None: nobody). detail is a sentence for the timeline.
    TRANSCRIPTION_DEGRADED = "transcription_degraded"
    TRANSCRIPTION_RESTORED = "transcription_restored"  # data: {participant, provider, detail}
    # data: {participant, turns, compound, detail}; once a run. compound: the run's mean
    NEGATIVE_RUN = "negative_run"
    # Others.
    CANCEL_REQUESTED = "cancel_requested"  # data: {detail}
    RECORDING_CHANGED = "recording_changed"  # data: {status, detail}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    id: str
    source: FactSource
    kind: FactKind
    at: datetime
    generation: int = 0
    seq: int = 0  # 0: this teller does not count (webhooks)
    data: dict[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self) | {"at": self.at.isoformat()}

    @classmethod
    def from_dict(cls, raw: object) -> Fact:
        """Read a fact off the wire. Raises ValueError with a sentence for everything malformed."""
        if not isinstance(raw, dict):
            raise ValueError(f"A fact is an object, not {type(raw).__name__}.")
        try:
            at = datetime.fromisoformat(raw["at"])
            data = raw.get("data") or {}
            if not isinstance(data, dict):
                raise TypeError("data is not an object")
            return cls(
                id=str(raw["id"]),
                source=FactSource(raw["source"]),
                kind=FactKind(raw["kind"]),
                at=at if at.tzinfo else at.replace(tzinfo=UTC),
                generation=int(raw.get("generation", 0)),
                seq=int(raw.get("seq", 0)),
                data=data,
            )
        except KeyError as missing:
            raise ValueError(f"A fact without {missing}.") from None
        except (TypeError, ValueError) as wrong:
            raise ValueError(f"A malformed fact: {wrong}.") from None


class ParticipantKind(StrEnum):
    STANDARD = "standard"
    SIP = "sip"
    AGENT = "agent"
    EGRESS = "egress"
    OTHER = "other"

    @classmethod
    def named(cls, name: object) -> ParticipantKind:
        return next((kind for kind in cls if kind.value == name), cls.OTHER)


@dataclass(frozen=True, slots=True, kw_only=True)
class ParticipantSeen:
    """The `data` of participant facts."""

    identity: str
    sid: str
    participant_kind: ParticipantKind
    room_sid: str = ""
    joined_at: datetime | None = None
    disconnect_reason: str = ""  # LiveKit's DisconnectReason by name, on PARTICIPANT_LEFT

    @classmethod
    def from_data(cls, data: dict[str, Any]) -> ParticipantSeen:
        """Raises ValueError when the identity is missing."""
        if not data.get("identity"):
            raise ValueError("A participant fact without an identity.")
        return cls(
            identity=str(data["identity"]),
            sid=str(data.get("sid", "")),
            participant_kind=ParticipantKind.named(data.get("participant_kind")),
            room_sid=str(data.get("room_sid", "")),
            joined_at=moment_of(data.get("joined_at")),
            disconnect_reason=str(data.get("disconnect_reason", "")),
        )

    def to_data(self) -> dict[str, Any]:
        return asdict(self) | {"joined_at": self.joined_at.isoformat() if self.joined_at else None}

    @property
    def is_human(self) -> bool:
        return self.participant_kind in (ParticipantKind.STANDARD, ParticipantKind.SIP)


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageItem:
    """What one provider's model did for one call. quantity is exact text of a decimal number."""

    what: str  # stt | llm | tts
    provider: str
    model: str
    quantity: str
    unit: str  # audio_seconds | input_tokens | output_tokens | characters


def moment_of(value: object) -> datetime | None:
    """An ISO moment, or None for anything else: a missing clock never loses a fact."""
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment and moment.tzinfo is None else moment
