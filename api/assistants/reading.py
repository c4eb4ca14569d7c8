"""Who may read an assistant: its tenant, and the agents of a call that it answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from api.auth import CallOfToken, Credentials, principal_of
from api.parts import FromParts
from contract.calls import CallStatus
from contract.errors import Forbidden
from store.api_keys import Role
from store.calls import Calls


@dataclass(frozen=True, slots=True)
class Reading:
    tenant_id: str
    is_agent: bool  # of a call that is not over


async def _reader(
    request: Request,
    assistant_id: str,
    parts: FromParts,
    credentials: Credentials,
    call_id: CallOfToken,
) -> Reading:
    if call_id is None:
        principal = await principal_of(request, parts, credentials)
        if principal.role is Role.AGENT:
            raise Forbidden("Agents read the assistant of their call, with the call's token.")
        return Reading(principal.tenant_id, is_agent=False)
    async with parts.database.reader() as session:
        call = await Calls(session).get(call_id)
    if call is None or call.assistant_id != assistant_id:
        raise Forbidden("This token belongs to a call of another assistant.")
    if call.status == CallStatus.ENDED:
        raise Forbidden("This token belongs to a call that has ended.")
    return Reading(call.tenant_id, is_agent=True)


AssistantReader = Annotated[Reading, Depends(_reader)]
