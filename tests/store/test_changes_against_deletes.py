"""Somebody changes what somebody else deletes at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from contract.errors import NotFound
from store.assistants import Assistants
from store.database import Database
from store.errors import AssistantInUse, AssistantUnknown, NumberUnknown, TrunkInUse, TrunkUnknown
from store.numbers import Numbers, Route
from store.trunks import Trunks

pytestmark = pytest.mark.slow  # waits for locks

NUMBER = "+12025550123"
ROUTE = Route(assistant_id="desk", trunk_id="mumbai")
Doing = Callable[[AsyncSession], Awaitable[object]]
MAKE: dict[str, Doing] = {
    "assistant": lambda session: Assistants(session).create("acme", "desk", {}),
    "trunk": lambda session: Trunks(session).create("acme", "mumbai", {}, None),
    "number": lambda session: Numbers(session).create("acme", NUMBER, ROUTE),
}
CHANGE: dict[str, Doing] = {
    "assistant": lambda session: Assistants(session).update("acme", "desk", {"name": "x"}, ""),
    "trunk": lambda session: Trunks(session).update("acme", "mumbai", {"name": "x"}, None),
    "number": lambda session: Numbers(session).update("acme", NUMBER, ROUTE),
}
DELETE: dict[str, Doing] = {
    "assistant": lambda session: Assistants(session).delete("acme", "desk"),
    "trunk": lambda session: Trunks(session).delete("acme", "mumbai"),
    "number": lambda session: Numbers(session).delete("acme", NUMBER),
}
UNKNOWN: dict[str, type[NotFound]] = {
    "assistant": AssistantUnknown,
    "trunk": TrunkUnknown,
    "number": NumberUnknown,
}
A_MOMENT = 0.2  # until the other transaction waits, if it waits


async def given(database: Database, *kinds: str) -> None:
    async with database.session() as session:
        for kind in kinds:
            await MAKE[kind](session)


async def in_transaction(database: Database, doing: Doing) -> None:
    async with database.session() as session:
        await doing(session)


@pytest.mark.parametrize("second", [CHANGE, DELETE], ids=["changed", "deleted"])
@pytest.mark.parametrize("kind", ["assistant", "trunk", "number"])
async def test_what_is_deleted_meanwhile_is_not_found(
    database: Database, kind: str, second: dict[str, Doing]
) -> None:
    needed = ("assistant", "trunk", "number") if kind == "number" else (kind,)
    await given(database, *needed)
    async with database.session() as session:
        await DELETE[kind](session)
        await session.flush()
        late = asyncio.create_task(in_transaction(database, second[kind]))
        await asyncio.sleep(A_MOMENT)
    with pytest.raises(UNKNOWN[kind]):
        await late


@pytest.mark.parametrize(("kind", "in_use"), [("assistant", AssistantInUse), ("trunk", TrunkInUse)])
async def test_who_changes_a_number_and_who_deletes_what_it_needs_do_not_wait_for_each_other(
    database: Database, kind: str, in_use: type[Exception]
) -> None:
    await given(database, "assistant", "trunk", "number")
    async with database.session() as session:
        assert await Numbers(session).get("acme", NUMBER, for_update=True) is not None
        deleting = asyncio.create_task(in_transaction(database, DELETE[kind]))
        await asyncio.sleep(A_MOMENT)
        await CHANGE["number"](session)
    with pytest.raises(in_use):
        await deleting
