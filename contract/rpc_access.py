"""Who may call the RPC methods of agents and phones: the call's workflow, and agents."""

from __future__ import annotations

from contract.identity import parse_agent_identity


def may_call_methods(caller: str, request_id: str, *, in_room_as_agent: bool | None) -> bool:
    """`in_room_as_agent`: whether the participant `caller` is of LiveKit's kind AGENT; None when
    nobody in the room has that identity.

    RoomService/PerformRpc calls under an identity of its own, the request's id. A browser in the
    room could name its request after itself, but it is a participant then.
    """
    if in_room_as_agent is None:
        return caller == request_id
    return in_room_as_agent and parse_agent_identity(caller) is not None
