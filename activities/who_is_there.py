"""Who of a call is among the participants of its room."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from livekit import api

from contract.facts import ParticipantKind, ParticipantSeen
from contract.identity import AgentRole, parse_agent_identity
from store.calls import OpenCall


def is_there(role: AgentRole, participants: Iterable[api.ParticipantInfo]) -> bool:
    seen = (parse_agent_identity(participant.identity) for participant in participants)
    return any(agent is not None and agent[0] is role for agent in seen)


def find_human(
    call: OpenCall, participants: Iterable[api.ParticipantInfo]
) -> ParticipantSeen | None:
    for participant in participants:
        if participant.identity != call.human_identity or parse_agent_identity(
            participant.identity
        ):
            continue
        return ParticipantSeen(
            identity=participant.identity,
            sid=participant.sid,
            participant_kind=_kind(participant),
            joined_at=_joined_at(participant),
        )
    return None


def _kind(participant: api.ParticipantInfo) -> ParticipantKind:
    is_phone = participant.kind == api.ParticipantInfo.Kind.SIP
    return ParticipantKind.SIP if is_phone else ParticipantKind.STANDARD


def _joined_at(participant: api.ParticipantInfo) -> datetime | None:
    milliseconds = participant.joined_at_ms or participant.joined_at * 1000
    return datetime.fromtimestamp(milliseconds / 1000, UTC) if milliseconds else None
