"""A phone's line, and the phone in its room: a real livekit-server, and somebody in its place."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from livekit import api, rtc
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.phones import PhoneActivities
from contract.calls import CallStatus, Direction, Provider
from contract.holds import Holder, HoldState
from contract.identity import new_call_id
from contract.phone import NotDialled, PhoneSeen, PhoneTold, TellPhone
from contract.steps import HoldWritten, InRoom, LineTaken, TakeLine, WriteHold, WriteRecord
from sandbox.stack import Stack
from store.calls import Calls, NewCall
from store.database import Database
from store.trunks import Trunks

pytestmark = [pytest.mark.stack, pytest.mark.asyncio(loop_scope="module")]

OPERATOR, REMOTE = frozenset({Holder.OPERATOR}), frozenset({Holder.REMOTE})


class Room:
    """With a phone in it, once it joined."""

    def __init__(self, stack: Stack, livekit: api.LiveKitAPI, database: Database) -> None:
        self.name = new_call_id()
        self.livekit = livekit
        self.activities = PhoneActivities(livekit, database)
        self.heard: list[dict[str, Any]] = []
        self._stack = stack
        self._room = rtc.Room()

    async def phone_joins(self, **attributes: str) -> None:
        stack = self._stack.description
        token = api.AccessToken(stack.livekit_api_key, stack.livekit_api_secret)
        token = token.with_identity("phone").with_attributes(attributes)
        grants = api.VideoGrants(room_join=True, room=self.name)
        await self._room.connect(stack.livekit_url, token.with_grants(grants).to_jwt())
        self.serves("ping", *[{"ok": True}] * 50)
        for _ in range(50):  # its data channels take longer than its joining
            with contextlib.suppress(ApplicationError):
                await self.tell("ping")
                break
            await asyncio.sleep(0.1)
        self.heard.clear()

    def serves(self, method: str, *answers: dict[str, Any], delay: float = 0.0) -> None:
        """Each answer once."""
        left = list(answers)

        async def serve(call: rtc.RpcInvocationData) -> str:
            self.heard.append(json.loads(call.payload))
            await asyncio.sleep(delay)
            return json.dumps(left.pop(0))

        self._room.local_participant.register_rpc_method(method, serve)

    async def phone_leaves(self) -> None:
        await self._room.disconnect()

    async def tell(self, method: str, **payload: Any) -> PhoneTold:
        message = TellPhone(room_name=self.name, method=method, payload=payload)
        return await ActivityEnvironment().run(self.activities.tell_phone, message)

    async def hold(self, seq: int, holders: frozenset[Holder]) -> HoldWritten:
        state = HoldState(seq, holders).to_json()
        order = WriteHold(room_name=self.name, identity="phone", state=state)
        return await ActivityEnvironment().run(self.activities.write_hold, order)

    async def bridge_writes(self, seq: int, holders: frozenset[Holder]) -> None:
        await self.livekit.room.update_participant(
            api.UpdateParticipantRequest(
                room=self.name,
                identity="phone",
                attributes={"call.hold": HoldState(seq, holders).to_json()},
            )
        )

    async def written(self) -> HoldState | None:
        seen = await self.livekit.room.get_participant(
            api.RoomParticipantIdentity(room=self.name, identity="phone")
        )
        return HoldState.parse(seen.attributes.get("call.hold", ""))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack() -> AsyncIterator[Stack]:
    async with Stack(free_ports=True, only=["livekit"]) as stack:
        yield stack


@pytest_asyncio.fixture(loop_scope="module")
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    opened = Database(f"sqlite+aiosqlite:///{tmp_path}/lines.db")
    await opened.migrate()
    yield opened
    await opened.aclose()


@pytest_asyncio.fixture(loop_scope="module")
async def room(stack: Stack, database: Database) -> AsyncIterator[Room]:
    known = stack.description
    keys = (known.livekit_url, known.livekit_api_key, known.livekit_api_secret)
    async with api.LiveKitAPI(*keys) as livekit:
        room = Room(stack, livekit, database)
        await livekit.room.create_room(api.CreateRoomRequest(name=room.name))
        yield room
        await room.phone_leaves()


# --- In the room ---------------------------------------------------------------------------------


async def test_the_phone_is_looked_for(room: Room) -> None:
    who = InRoom(room.name, "phone")
    look = room.activities.look_for_phone
    assert await ActivityEnvironment().run(look, who) == PhoneSeen(is_there=False)
    await room.phone_joins(**{"call.state": "ringing"})
    seen = await ActivityEnvironment().run(look, who)
    assert seen == PhoneSeen(is_there=True, state="ringing")
    nowhere = await ActivityEnvironment().run(look, InRoom("no-such-room", "phone"))
    assert nowhere == PhoneSeen(is_there=False)


async def test_the_phone_is_told_and_answers(room: Room) -> None:
    await room.phone_joins()
    room.serves("phone.dtmf", {"ok": True})
    told = await room.tell("phone.dtmf", digits="12#", id="dtmf-1")
    assert told == PhoneTold(is_there=True, answer={"ok": True})
    assert room.heard == [{"digits": "12#", "id": "dtmf-1"}]


async def test_a_transfer_is_asked_after_until_it_is_known(room: Room) -> None:
    await room.phone_joins()
    outcome = {"ok": True, "sip_status": 200, "sip_phrase": "OK"}
    room.serves("phone.transfer", {"ok": True, "pending": True}, outcome)
    told = await room.tell("phone.transfer", to="+919876500199", id="t-1")
    assert told.answer == outcome
    assert room.heard == [{"to": "+919876500199", "id": "t-1"}] * 2


async def test_a_phone_that_is_not_there_is_told_so_at_once(room: Room) -> None:
    began = time.monotonic()
    assert await room.tell("phone.hangup") == PhoneTold(is_there=False)
    assert time.monotonic() - began < 2.5  # its RPC alone would take 3 s


async def test_a_phone_that_leaves_while_it_is_asked(room: Room) -> None:
    await room.phone_joins()
    room.serves("phone.hangup", {"ok": True}, delay=30)
    asked = asyncio.create_task(room.tell("phone.hangup"))
    await asyncio.sleep(0.3)
    await room.phone_leaves()
    assert await asked == PhoneTold(is_there=False)


async def test_a_phone_that_is_deaf(room: Room) -> None:
    await room.phone_joins()
    with pytest.raises(ApplicationError):
        await room.tell("phone.hangup")


async def test_a_hold_is_written_and_read(room: Room) -> None:
    assert await room.hold(1, OPERATOR) == HoldWritten(is_there=False, seq=1)
    await room.phone_joins()
    assert await room.hold(1, OPERATOR) == HoldWritten(is_there=True, seq=1)
    assert await room.written() == HoldState(1, OPERATOR)
    assert (await room.hold(1, OPERATOR)).seq == 1  # a retry changes nothing
    assert (await room.hold(2, frozenset())).seq == 2
    assert await room.written() == HoldState(2)


async def test_a_hold_leaves_the_far_sides_as_it_is(room: Room) -> None:
    await room.phone_joins()
    await room.bridge_writes(5, REMOTE)
    # The fact of it is still on its way: the workflow knows neither the holder nor the number.
    assert await room.hold(1, OPERATOR) == HoldWritten(is_there=True, seq=6, over=5)
    assert await room.written() == HoldState(6, OPERATOR | REMOTE)
    await room.bridge_writes(7, OPERATOR)
    assert (await room.hold(8, REMOTE)).seq == 8  # as the workflow still believes
    assert await room.written() == HoldState(8)


# --- The line ------------------------------------------------------------------------------------


async def order(database: Database, patience: float = 0.0) -> TakeLine:
    call_id = new_call_id()
    async with database.session() as session:
        await Calls(session).insert(
            NewCall(
                call_id=call_id,
                tenant_id="acme",
                direction=Direction.OUTBOUND,
                provider=Provider.BRIDGE,
                room_name=call_id,
                started_at=datetime.now(UTC),
                trunk_id="mumbai",
            )
        )
    return TakeLine(call_id=call_id, tenant_id="acme", trunk_id="mumbai", patience=patience)


async def trunk(database: Database, **changes: Any) -> None:
    config = {"enabled": True, "max_concurrent_calls": 1, "calls_per_second": 50.0} | changes
    async with database.session() as session:
        await Trunks(session).create("acme", "mumbai", config, None)


async def end(database: Database, call_id: str) -> None:
    async with database.session() as session:
        await Calls(session).write(WriteRecord(call_id=call_id, status=CallStatus.ENDED))


async def test_a_line_that_is_in_use_is_waited_for(room: Room, database: Database) -> None:
    await trunk(database)
    take, first = room.activities.take_line, await order(database)
    assert await ActivityEnvironment().run(take, first) == LineTaken(True)
    assert await ActivityEnvironment().run(take, first) == LineTaken(True)  # a retry
    nothing = await ActivityEnvironment().run(take, await order(database))
    assert (nothing.taken, nothing.detail) == (False, "Every line of the trunk is in use.")
    waiting = ActivityEnvironment()
    beats: list[object] = []
    waiting.on_heartbeat = lambda *details: beats.append(details)
    taking = asyncio.ensure_future(waiting.run(take, await order(database, patience=10)))
    await asyncio.sleep(0.5)
    assert not taking.done()
    await end(database, first.call_id)
    assert await taking == LineTaken(True)
    assert beats


async def test_who_was_told_to_stop_waits_no_more(room: Room, database: Database) -> None:
    await trunk(database, max_concurrent_calls=1)
    take = room.activities.take_line
    await ActivityEnvironment().run(take, await order(database))
    environment = ActivityEnvironment()
    waiting = asyncio.ensure_future(environment.run(take, await order(database, patience=20)))
    await asyncio.sleep(0.3)
    environment.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting


@pytest.mark.parametrize(
    ("changes", "kind"),
    [(None, NotDialled.TRUNK_GONE), ({"enabled": False}, NotDialled.TRUNK_DISABLED)],
)
async def test_there_is_no_line_without_a_trunk(
    room: Room, database: Database, changes: dict[str, Any] | None, kind: NotDialled
) -> None:
    if changes is not None:
        await trunk(database, **changes)
    with pytest.raises(ApplicationError) as refused:
        await ActivityEnvironment().run(room.activities.take_line, await order(database))
    assert (refused.value.type, refused.value.non_retryable) == (kind, True)


async def test_a_call_that_is_over_needs_no_line(room: Room, database: Database) -> None:
    await trunk(database)
    wish = await order(database)
    await end(database, wish.call_id)
    with pytest.raises(ApplicationError) as refused:
        await ActivityEnvironment().run(room.activities.take_line, wish)
    assert refused.value.type == NotDialled.CALL_OVER
