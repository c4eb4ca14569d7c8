"""The codec server of the Temporal UI: https://docs.temporal.io/codec-server."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Request
from google.protobuf.json_format import MessageToDict, ParseDict, ParseError
from temporalio.api.common.v1 import Payloads

from api.auth import Credentials, principal_by_headers, principal_of
from api.parts import FromParts
from contract.errors import Forbidden, PlatformError
from contract.identity import DEFAULT_TENANT
from store.api_keys import Principal, Role


class BadPayload(PlatformError):
    code, http_status = "bad-payload", 400


async def _may_decode(request: Request, parts: FromParts, credentials: Credentials) -> None:
    if parts.settings.codec_open:
        return
    _check_may_see_all(await principal_of(request, parts, credentials))


async def check_sender(request: Request) -> None:
    """For before a large body is read. Raises Unauthorised, Forbidden, Unavailable."""
    if not request.app.state.parts.settings.codec_open:
        _check_may_see_all(await principal_by_headers(request))


def _check_may_see_all(principal: Principal) -> None:
    # Payloads of all tenants lie in one namespace and under one set of keys: only whoever runs the
    # installation may see them all.
    if principal.role is not Role.ADMIN or principal.tenant_id != DEFAULT_TENANT:
        raise Forbidden(f"The codec needs an admin key of the tenant {DEFAULT_TENANT!r}.")


router = APIRouter(prefix="/codec", tags=["codec"], dependencies=[Depends(_may_decode)])

PayloadsJson = Annotated[
    dict[str, Any], Body(description="`{payloads: […]}`, protobuf's JSON of Payloads.")
]


@router.post("/encode", summary="Encrypt payloads")
async def encode(body: PayloadsJson, parts: FromParts) -> dict[str, Any]:
    payloads = _parse(body)
    if parts.converter.payload_codec is not None:
        encoded = await parts.converter.payload_codec.encode(payloads.payloads)
        payloads = Payloads(payloads=encoded)
    return MessageToDict(payloads)


@router.post("/decode", summary="Decrypt payloads")
async def decode(body: PayloadsJson, parts: FromParts) -> dict[str, Any]:
    payloads = _parse(body)
    if parts.converter.payload_codec is not None:
        try:
            decoded = await parts.converter.payload_codec.decode(payloads.payloads)
        except ValueError as wrong:
            raise BadPayload(str(wrong)) from None
        payloads = Payloads(payloads=decoded)
    return MessageToDict(payloads)


def _parse(body: dict[str, Any]) -> Payloads:
    try:
        return ParseDict(body, Payloads(), ignore_unknown_fields=True)
    except (ParseError, TypeError, AttributeError):
        raise BadPayload("The body is not `{payloads: […]}`.") from None
