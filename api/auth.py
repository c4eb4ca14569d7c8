"""Who is asking: an API key of a tenant, or a call's own agents by the call's token."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolExhausted

from api.edge.rate_limit import quota_of
from api.parts import FromParts, Parts
from contract.call_token import call_id_of_token
from contract.errors import Forbidden, Unauthorised, Unavailable
from store.api_keys import ApiKeys, Principal, Role

_bearer = HTTPBearer(auto_error=False, description="An API key.", scheme_name="ApiKey")
Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]


async def principal_of(request: Request, parts: FromParts, credentials: Credentials) -> Principal:
    if credentials is None:
        raise Unauthorised("Send an API key: `Authorization: Bearer <key>`.")
    async with parts.database.reader() as session:
        principal = await ApiKeys(session).principal(credentials.credentials)
    quota = quota_of(request)
    if principal is None:
        if quota is not None:
            quota.key_is_bad()
        raise Unauthorised("This API key is unknown, revoked or expired.")
    if quota is not None:
        quota.key_is_good()
    return principal


AnyPrincipal = Annotated[Principal, Depends(principal_of)]


class _Allowed:
    def __init__(self, *roles: Role) -> None:
        self._roles = roles

    async def __call__(self, principal: AnyPrincipal) -> Principal:
        if principal.role not in self._roles:
            wanted = " or ".join(self._roles)
            raise Forbidden(f"This needs a key of role {wanted}; yours is {principal.role}.")
        return principal


Reader = Annotated[Principal, Depends(_Allowed(Role.ADMIN, Role.OPERATOR, Role.AUDITOR))]
Operator = Annotated[Principal, Depends(_Allowed(Role.ADMIN, Role.OPERATOR))]
Admin = Annotated[Principal, Depends(_Allowed(Role.ADMIN))]


async def call_of_token(parts: FromParts, credentials: Credentials) -> str | None:
    """The call whose token was sent, or None for whatever else was sent."""
    if credentials is None:
        return None
    return call_id_of_token(parts.settings.call_token_secret, credentials.credentials)


CallOfToken = Annotated[str | None, Depends(call_of_token)]


async def _agent_call(call_of_token: CallOfToken) -> str:
    if call_of_token is None:
        raise Unauthorised("Send the call's token: `Authorization: Bearer <call_token>`.")
    return call_of_token


# Refuses before the body is judged: a stranger is not told what is wrong with it.
AgentCall = Annotated[str, Depends(_agent_call)]


async def check_call_token(request: Request) -> None:
    """Raises Unauthorised without a genuine token of some call. For before the body is read."""
    parts, credentials = await _sender_of(request)
    await _agent_call(await call_of_token(parts, credentials))


async def principal_by_headers(request: Request) -> Principal:
    """As `principal_of`, for before the body is read, outside of the endpoints. Raises Unavailable
    when the database is away."""
    parts, credentials = await _sender_of(request)
    try:
        return await principal_of(request, parts, credentials)
    except (DBAPIError, PoolExhausted):
        raise Unavailable("The database does not answer.") from None


async def _sender_of(request: Request) -> tuple[Parts, HTTPAuthorizationCredentials | None]:
    return request.app.state.parts, await _bearer(request)
