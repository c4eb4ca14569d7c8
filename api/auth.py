"""Who is asking: an API key of a tenant, or a call's own agents by the call's token."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from api.edge.rate_limit import quota_of
from api.parts import FromParts
from contract.call_token import call_id_of_token
from contract.errors import Forbidden, Unauthorised
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
