from __future__ import annotations

from fastapi import APIRouter, Response

from api.auth import AgentCall
from api.parts import FromParts
from api.turns.schemas import TurnsTold
from contract.errors import Forbidden
from store.transcripts import Transcripts, Turn

router = APIRouter(tags=["internal"])


@router.post(
    "/internal/calls/{call_id}/turns",
    summary="An agent tells what was said",
    status_code=204,
)
async def add_turns(
    call_id: str, body: TurnsTold, parts: FromParts, agent_call: AgentCall
) -> Response:
    """Repeats of the same `source` and `source_seq` change nothing. Needs the call's token."""
    if agent_call != call_id:
        raise Forbidden("This token belongs to another call.")
    turns = [Turn(call_id=call_id, **dict(turn)) for turn in body.turns]
    async with parts.database.session() as session:
        await Transcripts(session).add(turns)
    return Response(status_code=204)
