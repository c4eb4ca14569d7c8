"""The room watch with real Temporal and store, over rooms without media (`sandbox/hall`)."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from livekit import api
from sqlalchemy import update
from temporalio.client import Client
from temporalio.testing import ActivityEnvironment, WorkflowEnvironment

from activities.billing import BillingActivities
from activities.call_records import CallRecordActivities
from activities.orphans import Orphans
from activities.prices import PriceBook
from activities.room_watch import Oddities, RoomWatchActivities, Sighting
from contract.calls import CallStatus, Direction, Provider
from contract.endings import EndedReason
from contract.facts import FactKind
from contract.identity import new_call_id
from contract.steps import WatchRooms, WriteRecord
from store.calls import Calls, NewCall
from store.database import Database
from store.ledger import Ledger
from store.models import CallRow
from tests.bench.histories import facts_of
from tests.sandbox.hall.conftest import OpenHall, open_hall

pytestmark = pytest.mark.stack

_INTERVAL = 0.25
# So many signals to one workflow are taken (Temporal's default is 10,000).
_SIGNALS = 20
_FEW_SIGNALS = [
    "--dynamic-config-value",
    f"history.maximumSignalsPerExecution={_SIGNALS}",
]
# Two patiences of the watch and a little.
_ENOUGH = 9.0


@dataclass
class Watched:
    """Calls whose workflows nobody carries on: what they are told stays in their histories."""

    hall: OpenHall
    database: Database
    temporal: Client

    async def call(self, status: CallStatus, *identities: str) -> str:
        call_id = new_call_id()
        await self.temporal.start_workflow("CallWorkflow", id=call_id, task_queue="nobody")
        await self.hall.livekit.room.create_room(api.CreateRoomRequest(name=call_id))
        for identity in identities:
            await self.hall.join(call_id, identity)
        async with self.database.session() as session:
            calls = Calls(session)
            await calls.insert(
                NewCall(
                    call_id=call_id,
                    tenant_id="default",
                    direction=Direction.WEB,
                    provider=Provider.WEB,
                    room_name=call_id,
                    started_at=datetime.now(UTC),
                )
            )
            await calls.write(WriteRecord(call_id=call_id, status=status))
        return call_id

    async def talk(self) -> str:
        return await self.call(CallStatus.IN_PROGRESS, "caller", "atlas-1", "media-bot-1")

    async def told(self, call_id: str) -> list[str]:
        return [fact.kind for fact in await facts_of(self.temporal, call_id)]

    async def make_deaf(self, call_id: str) -> None:
        for _ in range(_SIGNALS):
            await self.temporal.get_workflow_handle(call_id).signal("nothing")

    async def lose_room(self, call_id: str) -> None:
        await self.hall.livekit.room.delete_room(api.DeleteRoomRequest(room=call_id))

    async def watch(self, seconds: float, interval: float = _INTERVAL) -> int:
        """How many heartbeats it sent."""
        records = CallRecordActivities(self.database, "demo", "")
        billing = BillingActivities(self.database, PriceBook.load())
        orphans = Orphans(self.database, billing.settle_bill, records.write_record)
        watch = RoomWatchActivities(self.hall.livekit, self.database, self.temporal, orphans)
        order = WatchRooms(shift=seconds, interval=interval)
        beats: list[object] = []
        environment = ActivityEnvironment()
        environment.on_heartbeat = lambda *details: beats.append(details)
        await environment.run(watch.watch_rooms, order)
        return len(beats)


@pytest_asyncio.fixture
async def watched(tmp_path: Path) -> AsyncIterator[Watched]:
    temporal = str(Path(sys.executable).with_name("temporal"))
    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'calls.db'}")
    await database.migrate()
    try:
        async with (
            await WorkflowEnvironment.start_local(
                dev_server_existing_path=temporal, dev_server_extra_args=_FEW_SIGNALS
            ) as env,
            open_hall() as hall,
        ):
            yield Watched(hall, database, env.client)
    finally:
        await database.aclose()


async def test_each_call_is_told_what_its_webhooks_failed_to_tell(watched: Watched) -> None:
    """Who left or came while the watch looked, and what had happened before it began."""
    quiet, abandoned, alone = [await watched.talk() for _ in range(3)]
    vanished, before = await watched.talk(), await watched.talk()
    joined = await watched.call(CallStatus.QUEUED, "atlas-1", "media-bot-1")
    still_queued = await watched.call(CallStatus.QUEUED, "atlas-1", "media-bot-1")
    await watched.hall.leave(before, "caller")

    async def meanwhile() -> None:
        await asyncio.sleep(1.0)
        await watched.hall.leave(abandoned, "caller")
        await watched.hall.leave(alone, "atlas-1")
        await watched.lose_room(vanished)
        await watched.hall.join(joined, "caller")

    await asyncio.gather(watched.watch(_ENOUGH), meanwhile())
    assert (await watched.told(abandoned))[0] == FactKind.HUMANS_GONE
    assert (await watched.told(before))[0] == FactKind.HUMANS_GONE
    assert (await watched.told(alone))[0] == FactKind.AGENTS_GONE
    assert (await watched.told(vanished))[0] == FactKind.ROOM_GONE
    assert (await watched.told(joined))[0] == FactKind.HUMANS_PRESENT
    assert await watched.told(quiet) == await watched.told(still_queued) == []


@pytest.mark.parametrize("number", [12, 120])
async def test_quiet_rooms_are_not_asked_for_at_every_look(watched: Watched, number: int) -> None:
    calls = [await watched.talk() for _ in range(number)]
    await watched.watch(4.0)
    assert await watched.told(calls[0]) == []
    looks = await watched.hall.asked("RoomService/ListRooms")
    visits = await watched.hall.asked("RoomService/ListParticipants")
    assert len(calls) <= visits < len(calls) * looks / 3


async def test_an_oddity_that_passes_leaves_no_trace(watched: Watched) -> None:
    """Away for a moment, twice: neither lasted long enough to be told."""
    call = await watched.talk()

    async def comes_and_goes() -> None:
        for _ in range(2):
            await asyncio.sleep(1.0)
            await watched.hall.leave(call, "caller")
            await asyncio.sleep(2.0)
            await watched.hall.join(call, "caller")

    await asyncio.gather(watched.watch(8.0), comes_and_goes())
    assert await watched.told(call) == []


async def test_a_call_that_cannot_be_told_or_seen_keeps_no_other_waiting(
    watched: Watched,
) -> None:
    deaf, unseen, abandoned, vanished = [await watched.talk() for _ in range(4)]
    await watched.make_deaf(deaf)
    await watched.lose_room(deaf)
    await watched.hall.mute(unseen)
    await watched.hall.leave(abandoned, "caller")

    async def meanwhile() -> None:
        await asyncio.sleep(2.0)  # by then the watch has begun to fail at the first two
        await watched.lose_room(vanished)

    await asyncio.gather(watched.watch(_ENOUGH), meanwhile())
    assert (await watched.told(abandoned))[0] == FactKind.HUMANS_GONE
    assert (await watched.told(vanished))[0] == FactKind.ROOM_GONE
    assert await watched.told(unseen) == []


async def test_the_watch_is_known_to_live_while_it_tells_many_calls(watched: Watched) -> None:
    calls = [await watched.talk() for _ in range(40)]
    for call in calls:
        await watched.lose_room(call)
    looks = 2
    beats = await watched.watch(5.5, interval=5.0)
    assert {tuple(await watched.told(call)) for call in calls} == {(FactKind.ROOM_GONE,)}
    assert beats >= looks + 40 / 8


def test_an_oddity_keeps_its_facts_id_until_it_is_told() -> None:
    """A signal whose answer got lost may have arrived: the workflow must know the second one."""
    oddities, gone = Oddities(), Sighting(FactKind.ROOM_GONE, {})
    assert oddities.ripe("call", gone, 0.0) is None
    first, second = oddities.ripe("call", gone, 5.0), oddities.ripe("call", gone, 7.0)
    assert first is not None
    assert first == second
    oddities.told("call")
    assert oddities.ripe("call", gone, 8.0) is None


async def test_a_row_whose_api_died_before_it_started_the_call_is_closed(watched: Watched) -> None:
    """Not one that is young, and not one whose workflow is slow to open its room."""
    ages = {"lost": 120, "slow": 120, "young": 0}
    async with watched.database.session() as session:
        for name, age in ages.items():
            new = NewCall(
                call_id=name,
                tenant_id="default",
                direction=Direction.WEB,
                provider=Provider.WEB,
                room_name=name,
                started_at=datetime.now(UTC) - timedelta(seconds=age),
            )
            await Calls(session).insert(new)
    await watched.temporal.start_workflow("CallWorkflow", id="slow", task_queue="nobody")
    await watched.watch(_ENOUGH)
    assert await watched.told("slow") == []
    async with watched.database.reader() as session:
        rows = [await Calls(session).get(name) for name in ages]
        bill = await Ledger(session).get("lost")
    assert bill is not None
    assert (bill.total, bill.partial) == ("0.000000", False)
    assert [(row.status, row.ended_reason) for row in rows if row] == [
        ("ended", EndedReason.CANCELLED),
        ("queued", None),
        ("queued", None),
    ]


async def test_a_call_whose_workflow_was_terminated_is_left_to_the_janitor(
    watched: Watched,
) -> None:
    """Its history tells how the call ended; the watch would only know that nobody is there."""
    terminated, unknown = await watched.talk(), "unknown"
    async with watched.database.session() as session:
        aged = datetime.now(UTC) - timedelta(minutes=2)
        await session.execute(update(CallRow).values(started_at=aged))
        new = NewCall(
            call_id=unknown,
            tenant_id="default",
            direction=Direction.WEB,
            provider=Provider.WEB,
            room_name=unknown,
            started_at=aged,
        )
        await Calls(session).insert(new)
        await Calls(session).write(WriteRecord(call_id=unknown, status=CallStatus.IN_PROGRESS))
    await watched.temporal.get_workflow_handle(terminated).terminate()
    await watched.lose_room(terminated)
    await watched.watch(_ENOUGH)
    async with watched.database.reader() as session:
        rows = [await Calls(session).get(name) for name in (terminated, unknown)]
        bills = [await Ledger(session).get(name) for name in (terminated, unknown)]
    assert [row.status for row in rows if row] == ["in_progress", "ended"]
    assert [bill is not None for bill in bills] == [False, True]
