"""Which of an agent's generations is the call's present one."""

from __future__ import annotations

from livekit import rtc

from contract.identity import AgentRole, parse_agent_identity
from contract.rooms import RoomMetadata


def is_current(room: rtc.Room, identity: str, role: AgentRole) -> bool:
    agent = parse_agent_identity(identity)
    if agent is None or agent[0] is not role:
        return False
    # A LiveKit that was restarted has forgotten the metadata; the workflow writes it again.
    current = RoomMetadata.parse(room.metadata).generation.get(role)
    return current is None or current == agent[1]
