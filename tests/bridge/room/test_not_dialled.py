"""Where nothing is to be sent, nothing is: the carrier never hears of these calls."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from livekit import api

from bridge.room import (
    LiveKitAccess,
    LiveKitAway,
    NoLine,
    NoNewLegs,
    PhoneThere,
    RoomGone,
    RoomLegOptions,
    RoomLegs,
)
from contract.identity import new_call_id
from tests.bridge.room.rig import Table, Told, eventually

pytestmark = [pytest.mark.stack, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(loop_scope="module", autouse=True)
async def nothing_is_sent(table: Table) -> AsyncIterator[None]:
    before = len(list(table.hall.carrier.book))
    yield
    await asyncio.sleep(0.1)
    assert len(list(table.hall.carrier.book)) == before


async def _refused(table: Table, why: type[Exception], room: str, **changes: Any) -> Exception:
    told = Told()
    with pytest.raises(why) as refused:
        await table.legs.dial(table.order(room, "0100", **changes), told)
    assert not told.facts
    assert not told.closed  # that is for whoever called
    assert "98765" not in str(refused.value)
    await eventually(lambda: not table.legs.legs)
    return refused.value


async def test_a_room_that_does_not_exist_is_not_opened(table: Table) -> None:
    room = new_call_id()
    await _refused(table, RoomGone, room)
    found = await table.hall.livekit.room.list_rooms(api.ListRoomsRequest(names=[room]))
    assert not found.rooms


async def test_a_phone_in_the_room_is_not_pushed_out(table: Table) -> None:
    room = await table.hall.open_room()
    first = await table.hall.join(room, "phone", "sip")  # another process'
    await _refused(table, PhoneThere, room)
    assert first.room.isconnected()
    assert "phone" in await table.hall.identities(room)


async def test_two_at_once_are_one(table: Table) -> None:
    room = await table.hall.open_room()
    order = table.order(room, "0162", target="sip:1@127.0.0.1:9;transport=tcp")
    outcomes = await asyncio.gather(
        *(table.legs.dial(order, Told()) for _ in range(2)), return_exceptions=True
    )
    assert [type(each) for each in outcomes].count(PhoneThere) == 1
    (leg,) = table.legs.legs
    leg.cancel()
    await leg.closed()


async def test_livekit_that_is_away_is_said_so(table: Table) -> None:
    access = LiveKitAccess("ws://127.0.0.1:9", "key", "a secret that is long enough for HS256")
    legs = RoomLegs(table.bridge, access, RoomLegOptions(join_patience=1.0))
    await _refused(Table(table.hall, table.bridge, legs), LiveKitAway, new_call_id())
    await access.aclose()


async def test_keys_that_livekit_does_not_take_are_said_so(table: Table) -> None:
    wrong = LiveKitAccess(table.hall.keys[0], "devkey", "a secret that is long enough for HS256")
    legs = RoomLegs(table.bridge, wrong, RoomLegOptions(join_patience=1.0))
    await _refused(Table(table.hall, table.bridge, legs), LiveKitAway, new_call_id())
    await wrong.aclose()


@pytest.mark.parametrize(
    "changes",
    [
        {"target": "sip:+919876500100@no-such-host.invalid:5060"},
        {"target": "tel:+919876500100"},
        {"target": "sip:+919876500100@8.8.8.8:5060"},  # our address is none that it can reach
        {"codecs": ("OPUS",)},
        {"headers": {"X-Note": "one\r\nVia: two"}},
    ],
    ids=["host", "scheme", "way", "codec", "header"],
)
async def test_a_far_side_that_cannot_be_called_is_said_so(
    table: Table, changes: dict[str, Any]
) -> None:
    room = await table.hall.open_room()
    await _refused(table, NoLine, room, **changes)
    assert "phone" not in await table.hall.identities(room)


async def test_dialling_that_is_cancelled_leaves_nobody_in_the_room(table: Table) -> None:
    for patience in (0.001, 0.005, 0.01, 0.02, 0.03, 0.05):
        room = await table.hall.open_room()
        target = "sip:1@no-such-host.invalid:5060"
        dialling = asyncio.create_task(
            table.legs.dial(table.order(room, "0100", target=target), Told())
        )
        await asyncio.sleep(patience)
        dialling.cancel()
        with pytest.raises((asyncio.CancelledError, NoLine)):
            await dialling
        await asyncio.wait_for(table.legs.nobody(), 5)
        await asyncio.sleep(0.3)  # nor later
        assert "phone" not in await table.hall.identities(room)


async def test_a_room_closed_while_we_join_is_not_called_from(table: Table) -> None:
    for patience in (0.0, 0.01, 0.02, 0.04):
        room = await table.hall.open_room()
        order = table.order(room, "0100", target="sip:1@no-such-host.invalid:5060")
        dialling = asyncio.create_task(table.legs.dial(order, Told()))
        await asyncio.sleep(patience)
        await table.hall.livekit.room.delete_room(api.DeleteRoomRequest(room=room))
        with pytest.raises((RoomGone, LiveKitAway, NoLine)):
            await dialling


async def test_whoever_drains_takes_no_new_legs(table: Table) -> None:
    room = await table.hall.open_room()
    joining = asyncio.create_task(table.legs.dial(table.order(room, "0100"), Told()))
    await asyncio.sleep(0)
    draining = asyncio.create_task(table.legs.drain(5.0))
    with pytest.raises(NoNewLegs):
        await joining
    await asyncio.wait_for(draining, 3)
    await _refused(table, NoNewLegs, room)
