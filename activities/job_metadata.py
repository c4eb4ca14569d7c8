"""What an agent is told when it is sent into a call."""

from __future__ import annotations

from contract.call_token import make_call_token
from contract.identity import AgentRole
from contract.rooms import JobMetadata
from contract.steps import AgentOrder, DispatchAgent, OpenRoom


class JobMetadataWriter:
    """Adds the call's token here, so that no secret passes through Temporal."""

    def __init__(self, call_token_secret: str) -> None:
        self._secret = call_token_secret

    def write(self, order: OpenRoom | DispatchAgent, agent: AgentOrder) -> str:
        return JobMetadata(
            call_id=order.call_id,
            agent_id=order.assistant_id,
            role=agent.role,
            generation=agent.generation,
            opening=agent.opening,
            gate=order.gate,
            human_identity=order.human_identity,
            language=order.language,
            call_token=make_call_token(self._secret, order.call_id),
        ).to_json()


def dispatched_generation(metadata: str, call_id: str, role: AgentRole) -> int | None:
    """Which generation a dispatch of this call was for; None for anybody else's dispatch."""
    try:
        job = JobMetadata.parse(metadata)
    except ValueError:
        return None
    return job.generation if job.call_id == call_id and job.role is role else None
