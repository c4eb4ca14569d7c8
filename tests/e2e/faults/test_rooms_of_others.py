"""Rooms that no request announced: ours to adopt, or somebody else's to leave alone."""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter

import pytest
from livekit import api

from tests.e2e.faults.invariants import Truth, assert_hold
from tests.e2e.faults.system import PlacedCall, System
from tests.e2e.faults.waiting import eventually

pytestmark = [pytest.mark.stack, pytest.mark.asyncio(loop_scope="session")]


async def adopted_call(system: System, room: str) -> PlacedCall:
    """Join a room by its name alone; the call that this starts is found in the list of calls."""
    before = {row["call_id"] for row in await system.rows()}
    call = system.call_of("", room, system.room_token(room, "visitor"))
    await call.join()

    async def look() -> str | None:
        new = {row["call_id"] for row in await system.rows()} - before
        return new.pop() if new else None

    call.id = await eventually(look, 10, f"the room {room} was not adopted")
    system.may_exist.add(call.id)
    return call


async def dispatches(system: System, room: str) -> Counter[str]:
    found = await system.livekit.agent_dispatch.list_dispatch(room)
    # LiveKit lists its own, nameless one: automatic dispatch, for which nobody registers.
    return Counter(one.agent_name for one in found if one.agent_name)


@pytest.mark.parametrize("with_metadata", [True, False], ids=["agent_id", "default_assistant"])
async def test_a_lobby_room_becomes_a_call(system: System, with_metadata: bool) -> None:
    room = f"lobby-{secrets.token_hex(4)}"
    if with_metadata:
        wanted = api.CreateRoomRequest(name=room, metadata='{"agent_id": "demo"}')
        await system.livekit.room.create_room(wanted)
    call = await adopted_call(system, room)
    await call.greeted()
    assert await dispatches(system, room) == {"atlas": 1, "media-bot": 1}
    assert await system.identities(room) == ["atlas-1", "media-bot-1", "visitor"]
    await call.leave()
    await assert_hold(system, adopted_and_hung_up(call))
    assert (await call.row())["assistant_id"] == "demo"


async def test_a_lobby_room_whose_webhooks_come_three_times_is_one_call(system: System) -> None:
    room = f"lobby-{secrets.token_hex(4)}"
    with system.wire.tripling():
        call = await adopted_call(system, room)
        await call.greeted()
        assert await dispatches(system, room) == {"atlas": 1, "media-bot": 1}
        assert await system.identities(room) == ["atlas-1", "media-bot-1", "visitor"]
        await call.leave()
        await assert_hold(system, adopted_and_hung_up(call))
    for letter in [letter for letter in system.wire.letters if letter.room == room]:
        assert await system.wire.deliver(letter) == 200  # told again when all is over
    await assert_hold(system, adopted_and_hung_up(call))  # and no ghost has started


def adopted_and_hung_up(call: PlacedCall) -> Truth:
    return Truth.caller_hung_up(
        call.id, talked=call.talked, recording=frozenset({"ready", "not_requested"})
    )


async def test_a_room_of_another_application_is_left_alone(system: System) -> None:
    ignored = await system.ignored_events()
    calls = {row["call_id"] for row in await system.rows()}
    room = "other-app-room"
    people = [system.call_of("", room, system.room_token(room, name)) for name in ("anna", "berta")]
    await asyncio.gather(*(person.join() for person in people))
    spoken = await people[0].caller.say("What are your opening hours?")
    await people[1].caller.heard.wait_until_heard(0.3, since=spoken.started_at)

    async def counted() -> bool:
        return await system.ignored_events() >= ignored + 2

    await eventually(counted, 10, "the foreign joins were not counted")
    # Two looks of the room watch: long enough for anybody of ours who would meddle.
    await asyncio.sleep(5)
    assert await system.identities(room) == ["anna", "berta"]
    assert await dispatches(system, room) == {}
    assert {row["call_id"] for row in await system.rows()} == calls
    await people[0].leave()
    assert room in await system.rooms()
    await people[1].leave()
    await system.livekit.room.delete_room(api.DeleteRoomRequest(room=room))
