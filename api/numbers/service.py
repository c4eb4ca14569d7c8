"""Numbers of a tenant. A number leads to one tenant at a time, whoever claims it first."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from api.merge_patch import patched
from api.numbers.schemas import NumberCreate, NumberRead, NumberUpdate
from api.problems import wrong_field
from store.errors import AssistantUnknown, NumberUnknown, TrunkUnknown
from store.numbers import Numbers, Route, StoredNumber


async def create_number(session: AsyncSession, tenant_id: str, body: NumberCreate) -> NumberRead:
    """Raises NumberTaken, RequestValidationError."""
    with _naming_the_field():
        return read_of(await Numbers(session).create(tenant_id, body.number, _route(body)))


async def replace_number(
    session: AsyncSession, tenant_id: str, number: str, body: NumberUpdate
) -> NumberRead:
    """Raises NumberUnknown, RequestValidationError."""
    with _naming_the_field():
        return read_of(await Numbers(session).update(tenant_id, number, _route(body)))


async def change_number(
    session: AsyncSession, tenant_id: str, number: str, changes: dict[str, Any]
) -> NumberRead:
    """Raises NumberUnknown, RequestValidationError."""
    known = await Numbers(session).get(tenant_id, number, for_update=True)
    if known is None:
        raise NumberUnknown(number)
    base = read_of(known).model_dump(mode="json", include=set(NumberUpdate.model_fields))
    return await replace_number(session, tenant_id, number, patched(NumberUpdate, base, changes))


def read_of(stored: StoredNumber) -> NumberRead:
    return NumberRead(
        number=stored.number,
        assistant_id=stored.route.assistant_id,
        trunk_id=stored.route.trunk_id,
        label=stored.route.label,
        enabled=stored.route.enabled,
        created_at=stored.created_at,
        updated_at=stored.updated_at,
    )


def _route(body: NumberUpdate) -> Route:
    return Route(
        assistant_id=body.assistant_id,
        trunk_id=body.trunk_id,
        label=body.label,
        enabled=body.enabled,
    )


@contextmanager
def _naming_the_field() -> Iterator[None]:
    """What a body refers to is missing, not what the request is addressed to: 422, not 404."""
    try:
        yield
    except AssistantUnknown as unknown:
        raise wrong_field(("assistant_id",), str(unknown), unknown.code) from None
    except TrunkUnknown as unknown:
        raise wrong_field(("trunk_id",), str(unknown), unknown.code) from None
