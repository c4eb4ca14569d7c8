"""Who may read an assistant: its tenant, and the agents of a call that it answers."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from api.auth import CallOfToken, Credentials, principal_of
from api.parts import FromParts
from contract.errors import Forbidden
from store.api_keys import Role
from store.calls import Calls


async def _tenant_of_reader(
    request: Request,
    assistant_id: str,
    parts: FromParts,
    credentials: Credentials,
    call_id: CallOfToken,
) -> str:
    if call_id is None:
        principal = await principal_of(request, parts, credentials)
        if principal.role is Role.AGENT:
            raise Forbidden("Agents read the assistant of their call, with the call's token.")
        return principal.tenant_id
    async with parts.database.reader() as session:
        call = await Calls(session).get(call_id)
    if call is None or call.assistant_id != assistant_id:
        raise Forbidden("This token belongs to a call of another assistant.")
    return call.tenant_id


MayRead = Annotated[str, Depends(_tenant_of_reader)]
