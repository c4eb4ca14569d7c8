from __future__ import annotations

from livekit import api

from api.installation.probe_room import LIVEKIT_TROUBLE, ask_through_room
from api.installation.schemas import ProbedPart
from api.parts import Parts
from contract.identity import AgentRole
from contract.probes import PROBE_JOB


async def probe_agent(parts: Parts, role: AgentRole) -> ProbedPart:
    """Asked on the way that a call takes: only a registered agent that is not full answers."""
    name = role.value
    dispatch = api.RoomAgentDispatch(agent_name=name, metadata=PROBE_JOB)
    try:
        answer = await ask_through_room(parts.livekit, name, [dispatch])
    except LIVEKIT_TROUBLE as trouble:
        detail = f"LiveKit could not be asked ({type(trouble).__name__})."
        return ProbedPart(name=name, ok=False, detail=detail)
    if answer is None:
        detail = (
            f"No agent named {name} took a job from LiveKit: none is registered there, or all "
            "are full or drain. See that one runs with this LIVEKIT_URL and key."
        )
        return ProbedPart(name=name, ok=False, detail=detail)
    return ProbedPart(name=name, ok=True, data=answer.data)
