"""Phone calls that want a line of a trunk."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from datetime import datetime, timedelta
from typing import Any, TypeVar

from contract.calls import CallStatus, Direction, Provider
from contract.steps import WriteRecord
from store.calls import Calls, NewCall
from store.database import Database
from store.lines import LineOffer, Lines
from store.trunks import Trunks
from tests.store.calls import NOON, new_call

T = TypeVar("T")

TRUNK = {"enabled": True, "max_concurrent_calls": 2, "calls_per_second": 10.0}
TAKEN = LineOffer(taken=True, retry_after=0.0)


def later(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def phone_call(**changes: Any) -> NewCall:
    usual: dict[str, Any] = {
        "direction": Direction.OUTBOUND,
        "provider": Provider.BRIDGE,
        "trunk_id": "mumbai",
        "to_number": "+912212345678",
        "from_number": "+912287654321",
    }
    return new_call(**(usual | changes))


async def given_trunk(database: Database, tenant_id: str = "acme", **changes: Any) -> None:
    async with database.session() as session:
        await Trunks(session).create(tenant_id, "mumbai", TRUNK | changes, None)


async def given_calls(database: Database, count: int, **changes: Any) -> list[str]:
    calls = [phone_call(**changes) for _ in range(count)]
    async with database.session() as session:
        for call in calls:
            await Calls(session).insert(call)
    return [call.call_id for call in calls]


async def take(
    database: Database, call_id: str, now: datetime, tenant_id: str = "acme"
) -> LineOffer:
    async with database.session() as session:
        return await Lines(session).take(call_id, tenant_id, "mumbai", now)


async def may_dial(database: Database, call_id: str, now: datetime) -> float:
    async with database.session() as session:
        return await Lines(session).may_dial("acme", "mumbai", call_id, now)


async def eight_at_once(*asking: Coroutine[Any, Any, T]) -> list[T]:
    """As many as the pool has connections: on a busy machine others would be sent away."""
    gate = asyncio.Semaphore(8)

    async def one(each: Coroutine[Any, Any, T]) -> T:
        async with gate:
            return await each

    return await asyncio.gather(*map(one, asking))


async def end(database: Database, call_id: str) -> None:
    async with database.session() as session:
        await Calls(session).write(WriteRecord(call_id=call_id, status=CallStatus.ENDED))
