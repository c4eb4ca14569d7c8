"""One busy process of the stack, run as `python -m tests.store.busy_process <role> …`.

It writes and reads through the store as the API and the worker do, without a pause, and prints the
milliseconds that each of its writes took.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from contract.calls import CallStatus, Direction, Provider, RecordingStatus, TimelineEntry
from contract.endings import CallEnding, EndedBy, EndedReason
from contract.steps import WriteRecord, WriteRecording
from store.api_keys import ApiKeys
from store.assistants import Assistants
from store.call_pages import CallPage
from store.calls import Calls, NewCall, OpenCall
from store.database import Database
from store.idempotency import IdempotencyKeys
from store.ledger import Ledger
from store.models import CallRow
from store.recordings import Recordings
from store.transcripts import Transcripts, Turn

TENANT = "acme"
KEY = "the-only-key"
TURNS = 4  # of each call, told in two batches, each told twice
STEPS = (CallStatus.RINGING, CallStatus.IN_PROGRESS, CallStatus.ON_HOLD, CallStatus.IN_PROGRESS)
_AT_ONCE = 4  # calls that one process has in hand


class Busy:
    def __init__(self, database: Database) -> None:
        self._database = database
        self.write_ms: list[float] = []

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncSession]:
        began = time.perf_counter()
        async with self._database.session() as session:
            yield session
        self.write_ms.append((time.perf_counter() - began) * 1000)

    async def api(self, name: str, count: int, shared_call: str) -> None:
        """Starts `count` calls and tells their turns."""
        gate = asyncio.Semaphore(_AT_ONCE)

        async def one(number: int) -> None:
            async with gate:
                await self._start_and_tell(f"{name}-{number}", shared_call, number)

        await asyncio.gather(*(one(number) for number in range(1, count + 1)))

    async def _start_and_tell(self, key: str, shared_call: str, number: int) -> None:
        async with self._database.reader() as session:
            assert await ApiKeys(session).principal(KEY) is not None
        for is_repeat in (False, True):  # as a client does that got no answer
            async with self.write() as session:
                claim = await IdempotencyKeys(session).claim(TENANT, key, "body")
                assert claim.is_first is not is_repeat
                assert await Assistants(session).get(TENANT, "desk") is not None
                if claim.is_first:
                    await Calls(session).insert(_call(claim.call_id))
        async with self.write() as session:
            await Calls(session).set_room_sid(claim.call_id, "RM_1")
        turns = [_turn(claim.call_id, seq) for seq in range(1, TURNS + 1)]
        for batch in (turns[:2], turns[:2], turns[2:], turns[2:]):
            async with self.write() as session:
                await Transcripts(session).add(batch)
        async with self.write() as session:  # everybody's lines on one timeline
            line = _line(number, source=key.rpartition("-")[0])
            await Calls(session).write(WriteRecord(call_id=shared_call, entries=(line,)))
        async with self._database.reader() as session:
            await Calls(session).list(CallPage(tenant_id=TENANT, limit=20))
            await Calls(session).events(claim.call_id)

    async def worker(self, number: int, of: int, total: int) -> None:
        """Brings its share of the calls to their end, until there were `total` of them."""
        done = 0
        while done < total:
            async with self._database.reader() as session:
                found = await Calls(session).open_calls()
            mine = [
                call
                for call in found
                if call.room_sid and zlib.crc32(call.call_id.encode()) % of == number
            ]
            await asyncio.gather(*(self._bring_to_its_end(call) for call in mine[:_AT_ONCE]))
            async with self._database.reader() as session:
                done = await _count_ended(session)
            await asyncio.sleep(0.05)

    async def _bring_to_its_end(self, call: OpenCall) -> None:
        for seq, status in enumerate(STEPS, start=1):
            await self._record(call, WriteRecord(call_id=call.call_id, status=status), seq)
        for status in (RecordingStatus.RECORDING, RecordingStatus.READY):
            async with self.write() as session:
                news = WriteRecording(call_id=call.call_id, status=status, attempts=1)
                await Recordings(session).write(news)
        async with self.write() as session:
            await Calls(session).write(WriteRecord(call_id=call.call_id))
            await Ledger(session).settle(call.call_id, TENANT, "0.01", "USD", False, [])
        ending = CallEnding(EndedReason.CALLER_HUNG_UP, EndedBy.CALLER)
        ended = WriteRecord(call_id=call.call_id, status=CallStatus.ENDED, ending=ending)
        await self._record(call, ended, len(STEPS) + 1)

    async def _record(self, call: OpenCall, record: WriteRecord, seq: int) -> None:
        async with self.write() as session:
            await Calls(session).write(record)
        async with self.write() as session:
            entries = WriteRecord(call_id=call.call_id, entries=(_line(seq),))
            await Calls(session).write(entries)


async def _count_ended(session: AsyncSession) -> int:
    ended = select(func.count()).where(CallRow.status == CallStatus.ENDED.value)
    return await session.scalar(ended) or 0


def _call(call_id: str) -> NewCall:
    return NewCall(
        call_id=call_id,
        tenant_id=TENANT,
        direction=Direction.WEB,
        provider=Provider.WEB,
        room_name=call_id,
        started_at=datetime.now(UTC),
        assistant_id="desk",
    )


def _turn(call_id: str, seq: int) -> Turn:
    now = datetime.now(UTC)
    return Turn(
        call_id=call_id,
        source="atlas-1",
        source_seq=seq,
        speaker="caller",
        text=f"Sentence {seq}",
        start=now,
        end=now,
    )


def _line(seq: int, source: str = "workflow") -> TimelineEntry:
    return TimelineEntry(
        source=source,
        source_seq=seq,
        at=datetime.now(UTC),
        actor="platform",
        kind="step",
        text=f"Step {seq}",
    )


async def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("role", choices=["api", "worker"])
    options.add_argument("--url", required=True)
    options.add_argument("--number", type=int, required=True)
    options.add_argument("--of", type=int, required=True)
    options.add_argument("--calls", type=int, required=True)
    options.add_argument("--shared-call", required=True)
    given = options.parse_args()
    database = Database(given.url)
    busy = Busy(database)
    if given.role == "api":
        await busy.api(f"api-{given.number}", given.calls, given.shared_call)
    else:
        await busy.worker(given.number, given.of, given.calls)
    await database.aclose()
    print(json.dumps(busy.write_ms))


if __name__ == "__main__":
    asyncio.run(main())
