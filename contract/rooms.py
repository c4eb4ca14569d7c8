"""The room contract: metadata, attributes, data topics and RPC methods (design section 6)."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from contract.identity import CALLER_IDENTITY, AgentRole


class Attribute(StrEnum):
    MEDIA_COMMAND = "media.command"
    MEDIA_ASSET_URL = "media.asset_url"
    MEDIA_LOOP = "media.loop"
    MEDIA_COMMAND_ID = "media.command_id"
    MEDIA_PURPOSE = "media.purpose"
    MEDIA_DONE = "media.done"  # Media Bot's: the command_id that was played to its end
    STT_ENABLED = "stt.enabled"
    STT_LANGUAGE = "stt.language"
    STT_COMMAND_ID = "stt.command_id"
    STT_DEAF = "stt.deaf"  # "true": nobody hears the call's human now, so Atlas tells their turns
    CALL_HOLD = "call.hold"
    CALL_STATE = "call.state"


class MediaCommand(StrEnum):
    PLAY = "play"
    STOP = "stop"


class MediaPurpose(StrEnum):
    """Values of `media.purpose`: what comes after the last sample."""

    HOLD = "hold"
    RINGBACK = "ringback"  # repeats until it is stopped, however short
    BUSY = "busy"  # not looping: the room closes
    CLIP = "clip"


class Topic(StrEnum):
    CALL_ANSWERED = "call_answered"
    CALL_HOLD = "call_hold"
    CALL_RESUME = "call_resume"
    DTMF = "dtmf"
    TRANSFER_REQUESTED = "transfer_requested"
    TRANSCRIPT = "transcript"
    AGENT_ALIVE = "agent.alive"


class AtlasRpc(StrEnum):
    START = "atlas.start"
    HOLD = "atlas.hold"
    RESUME = "atlas.resume"
    SAY = "atlas.say"
    END = "atlas.end"


class PhoneRpc(StrEnum):
    HANGUP = "phone.hangup"
    DTMF = "phone.dtmf"
    TRANSFER = "phone.transfer"


PING_RPC = "ping"

# Who writes `agent.alive` beside the agents' roles (contract.identity.AgentRole).
PHONE_ALIVE = "phone"


class PhoneState(StrEnum):
    """Values of `call.state`: what who comes late reads."""

    RINGING = "ringing"
    ANSWERED = "answered"
    HELD = "held"  # the far side holds
    ENDED = "ended"


class SipStatus(StrEnum):
    """Values of `sip.callStatus` (livekit_observed.md section 1)."""

    DIALING = "dialing"
    RINGING = "ringing"
    AUTOMATION = "automation"  # answered, and the keys of the order are being pressed
    ACTIVE = "active"
    HANGUP = "hangup"


class SipAttribute(StrEnum):
    """What livekit-sip says of a call (livekit_observed.md section 1); the bridge says the same."""

    CALL_ID = "sip.callID"  # ours: the call's id
    CALL_ID_FULL = "sip.callIDFull"  # the SIP Call-ID, from the answer on
    CALL_TAG = "sip.callTag"  # the far side's To tag, from the answer on
    CALL_STATUS = "sip.callStatus"  # SipStatus
    TRUNK_ID = "sip.trunkID"
    TRUNK_PHONE_NUMBER = "sip.trunkPhoneNumber"  # ours
    PHONE_NUMBER = "sip.phoneNumber"  # theirs
    HOSTNAME = "sip.hostname"


class Opening(StrEnum):
    """Whether an agent opens the call or takes it over from a predecessor."""

    FIRST = "first"
    RESUME = "resume"


class Gate(StrEnum):
    """What lets Atlas speak and listen (design 5.5)."""

    CALLER_ACTIVE = "caller_active"  # web: the caller is in the room
    PHONE_ANSWERED = "phone_answered"  # bridge: `call.state`, `call_answered`, or `atlas.start`
    SIP_ACTIVE = "sip_active"  # LiveKit SIP's outbound calls: `sip.callStatus`, or `atlas.start`
    START_RPC = "start_rpc"  # phones that call us: `atlas.start` of the workflow


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomMetadata:
    """JSON in the room's metadata; a bare string is read as an agent_id."""

    agent_id: str = ""
    call_id: str = ""
    generation: dict[str, int] = field(default_factory=dict)

    def to_json(self) -> str:
        return json.dumps(
            {
                "agent_id": self.agent_id,
                "call_id": self.call_id,
                "generation": {
                    "atlas": self.generation.get(AgentRole.ATLAS, 1),
                    "media_bot": self.generation.get(AgentRole.MEDIA_BOT, 1),
                },
            }
        )

    @classmethod
    def parse(cls, text: str) -> RoomMetadata:
        """Never fails: whatever is not an object of ours names an agent_id or nothing."""
        try:
            raw = json.loads(text) if text else {}
        except ValueError:
            raw = text.strip()
        if isinstance(raw, str):
            return cls(agent_id=raw)
        if not isinstance(raw, dict):
            return cls()
        generation = raw.get("generation")
        counted = generation if isinstance(generation, dict) else {}
        return cls(
            agent_id=str(raw.get("agent_id") or raw.get("assistant_id") or ""),
            call_id=str(raw.get("call_id") or ""),
            generation={
                role: _positive(counted.get(key))
                for role, key in ((AgentRole.ATLAS, "atlas"), (AgentRole.MEDIA_BOT, "media_bot"))
                if _positive(counted.get(key))
            },
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class JobMetadata:
    """JSON in an agent's job metadata (`ctx.job.metadata`). `call_token` opens the internal API."""

    call_id: str
    agent_id: str
    role: AgentRole
    generation: int
    opening: Opening = Opening.FIRST
    gate: Gate = Gate.CALLER_ACTIVE
    human_identity: str = CALLER_IDENTITY
    language: str | None = None
    call_token: str = field(default="", repr=False)

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def parse(cls, text: str) -> JobMetadata:
        """Raises ValueError with a sentence when a dispatch was not made by a call's workflow."""
        try:
            raw: dict[str, Any] = json.loads(text)
            return cls(
                call_id=raw["call_id"],
                agent_id=raw["agent_id"],
                role=AgentRole(raw["role"]),
                generation=int(raw["generation"]),
                opening=Opening(raw.get("opening", Opening.FIRST)),
                gate=Gate(raw.get("gate", Gate.CALLER_ACTIVE)),
                human_identity=raw.get("human_identity") or CALLER_IDENTITY,
                language=raw.get("language"),
                call_token=raw.get("call_token", ""),
            )
        except (ValueError, KeyError, TypeError) as wrong:
            raise ValueError(f"This job's metadata is not a call's: {wrong!r}.") from None


def _positive(value: object) -> int:
    return value if isinstance(value, int) and value > 0 else 0
