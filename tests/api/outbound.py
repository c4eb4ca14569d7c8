"""What a tenant needs for calling a telephone, and a call of its own."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from store.models import CallRow
from tests.api.service import Service

TO, FROM = "+912212345678", "+912287654321"
BODY: dict[str, Any] = {"assistant_id": "demo", "trunk_id": "mumbai", "to_number": TO}
TRUNK: dict[str, Any] = {
    "id": "mumbai",
    "name": "Mumbai",
    "host": "sip.carrier.example",
    "from_number": FROM,
    "ringing_timeout_seconds": 25,
}


async def given_trunk(service: Service, **changes: Any) -> None:
    answer = await service.post("/trunks", TRUNK | changes)
    assert answer.status_code == 201, answer.text


async def call(service: Service, key: str | None = None, **changes: Any) -> Any:
    headers = {"Idempotency-Key": key} if key is not None else {}
    return await service.post("/call/outbound", BODY | changes, headers=headers)


async def rows(service: Service) -> list[CallRow]:
    async with service.parts.database.reader() as session:
        return list(await session.scalars(select(CallRow)))
