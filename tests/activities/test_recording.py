"""Recording activities against the recorder on real LiveKit and real S3."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio
from livekit import api
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.recording import RecordingActivities
from activities.recording_bucket import RecordingBucket
from contract.identity import new_call_id
from contract.recordings import EgressSeen, EgressStatus
from contract.steps import EgressById, RecordingVerified, StartEgress, VerifyRecording
from sandbox.stack.ports import FreePorts
from tests.sandbox.recorder.bench import Bench, Sound, open_bench

pytestmark = [pytest.mark.stack, pytest.mark.asyncio(loop_scope="module")]


class Desk:
    """The activities as a worker calls them, and one recorded call."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.bucket = RecordingBucket(
            endpoint=bench.s3_endpoint,
            region="us-east-1",
            bucket=bench.bucket,
            access_key=bench.s3_keys[0],
            secret=bench.s3_keys[1],
        )
        self.activities = RecordingActivities(bench.recorder, self.bucket)
        self.call_id = new_call_id()
        self.finished: EgressSeen | None = None

    async def start(self, room: str, call_id: str | None = None, attempt: int = 1) -> EgressSeen:
        order = StartEgress(call_id=call_id or self.call_id, room_name=room, attempt=attempt)
        return await ActivityEnvironment().run(self.activities.start_egress, order)

    async def stop(self, room: str, egress_id: str) -> EgressSeen:
        which = EgressById(egress_id, room)
        return await ActivityEnvironment().run(self.activities.stop_egress, which)

    async def look(self, egress_id: str) -> EgressSeen:
        which = EgressById(egress_id, "")
        return await ActivityEnvironment().run(self.activities.look_at_egress, which)

    async def end_of(self, egress_id: str, beats: list[object] | None = None) -> EgressSeen:
        environment = ActivityEnvironment()
        if beats is not None:
            environment.on_heartbeat = lambda *details: beats.append(details)
        which = EgressById(egress_id, "")
        return await environment.run(self.activities.await_egress_end, which)

    async def verify(self, seen: EgressSeen) -> RecordingVerified:
        order = VerifyRecording(call_id=self.call_id, egress=seen)
        return await ActivityEnvironment().run(self.activities.verify_recording, order)

    async def recorded(self) -> EgressSeen:
        """A call that was recorded for three seconds; made once."""
        if self.finished is None:
            room = await self.bench.room()
            async with self.bench.speaker(room, "caller") as caller:
                caller.hz = 440
                await caller.publish()
                started = await self.start(room)
                active = api.EgressStatus.EGRESS_ACTIVE
                await self.bench.until(started.egress_id, lambda info: info.status == active)
                await asyncio.sleep(3.5)
                await self.stop(room, started.egress_id)
                self.finished = await self.end_of(started.egress_id)
        return self.finished

    async def put(self, key: str, data: bytes) -> None:
        await asyncio.to_thread(
            self.bench.s3.put_object, Bucket=self.bench.bucket, Key=key, Body=data
        )

    async def refused(self, seen: EgressSeen, words: str) -> None:
        with pytest.raises(ApplicationError, match=words) as error:
            await self.verify(seen)
        assert (error.value.type, error.value.non_retryable) == ("recording-invalid", True)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_desk() -> AsyncIterator[Desk]:
    async with open_bench() as bench:
        yield Desk(bench)


@pytest_asyncio.fixture(loop_scope="module")
async def desk(shared_desk: Desk) -> AsyncIterator[Desk]:
    yield shared_desk
    await shared_desk.bench.clear_faults()


async def test_a_recording_from_start_to_verified(desk: Desk) -> None:
    seen = await desk.recorded()
    assert seen.status is EgressStatus.COMPLETE
    assert seen.object_key == f"recordings/{desk.call_id}/1.ogg"
    assert seen.started_at is not None
    assert seen.ended_at is not None
    elapsed = (seen.ended_at - seen.started_at).total_seconds()
    assert elapsed == pytest.approx(seen.duration_seconds, abs=0.01)
    data = await desk.bench.object(seen.object_key)
    verified = await desk.verify(seen)
    assert verified == RecordingVerified(
        object_key=seen.object_key,
        size_bytes=len(data),
        duration_seconds=verified.duration_seconds,
        sha256=hashlib.sha256(data).hexdigest(),
    )
    assert verified.duration_seconds == pytest.approx(Sound.of(data).seconds, abs=0.001)
    assert verified.duration_seconds == pytest.approx(seen.duration_seconds, abs=0.001)


async def test_a_second_start_adopts_the_first(desk: Desk) -> None:
    room = await desk.bench.room()
    first = await desk.start(room)
    again = await desk.start(room, attempt=2)
    assert again.egress_id == first.egress_id
    others = await desk.start(room, call_id=new_call_id())
    assert others.egress_id != first.egress_id
    for egress_id in (first.egress_id, others.egress_id):
        await desk.stop(room, egress_id)


@pytest.mark.parametrize("kind", ["cut", "garbage"])
async def test_a_start_whose_answer_is_lost_is_found(desk: Desk, kind: str) -> None:
    room = await desk.bench.room()
    await desk.bench.fault(operation="start", kind=kind, count=1)
    seen = await desk.start(room)
    answer = await desk.bench.egress.list_egress(api.ListEgressRequest(room_name=room))
    assert [info.egress_id for info in answer.items] == [seen.egress_id]
    await desk.stop(room, seen.egress_id)


async def test_an_ended_recording_is_not_adopted(desk: Desk) -> None:
    room = await desk.bench.room()
    first = await desk.start(room)
    await desk.stop(room, first.egress_id)
    second = await desk.start(room, attempt=2)
    assert second.egress_id != first.egress_id
    assert second.object_key.endswith("/2.ogg")
    await desk.stop(room, second.egress_id)


async def test_a_start_without_a_room(desk: Desk) -> None:
    with pytest.raises(ApplicationError) as error:
        await desk.start("no-such-room")
    assert (error.value.type, error.value.non_retryable) == ("room-gone", True)


async def test_a_start_without_an_egress_service(desk: Desk) -> None:
    room = await desk.bench.room()
    await desk.bench.fault(operation="start", kind="status", value=503, count=1)
    with pytest.raises(ApplicationError) as error:
        await desk.start(room)
    assert (error.value.type, error.value.non_retryable) == ("livekit-unavailable", False)
    assert "no response from servers" in str(error.value)


async def test_no_secret_is_shown(desk: Desk) -> None:
    assert desk.bench.s3_keys[1] not in repr(desk.bucket)


async def test_stopping_twice_and_stopping_the_unknown(desk: Desk) -> None:
    room = await desk.bench.room()
    started = await desk.start(room)
    first = await desk.stop(room, started.egress_id)
    again, unknown = await asyncio.gather(
        desk.stop(room, started.egress_id), desk.stop(room, "EG_unknown")
    )
    assert first.status is again.status is EgressStatus.ABORTED
    assert (again.error, again.error_code) == ("Start signal not received", 412)
    assert unknown == EgressSeen(egress_id="EG_unknown", status=EgressStatus.UNKNOWN)
    assert await desk.look("EG_unknown") == unknown
    assert await desk.end_of("EG_unknown") == unknown


async def test_waiting_for_the_end_beats(desk: Desk) -> None:
    room = await desk.bench.room()
    started = await desk.start(room)
    beats: list[object] = []
    waiting = asyncio.create_task(desk.end_of(started.egress_id, beats))
    async with asyncio.timeout(30):
        while len(beats) < 3:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    await desk.stop(room, started.egress_id)
    assert (await waiting).status is EgressStatus.ABORTED


async def test_an_object_that_lost_its_end(desk: Desk) -> None:
    seen = await desk.recorded()
    data = await desk.bench.object(seen.object_key)
    key = f"recordings/{desk.call_id}/cut.ogg"
    await desk.put(key, data[: len(data) // 2])
    await desk.refused(replace(seen, object_key=key), "in the middle of a page")
    await desk.refused(replace(seen, size_bytes=len(data) + 1), "bytes, the object has")
    # Of its pages the two of the header, and the first with sound.
    pages = [page.start() for page in re.finditer(b"OggS", data)]
    await desk.put(key, data[: pages[3]])
    shorter = replace(seen, object_key=key, size_bytes=0)
    recorded = f"Egress recorded {seen.duration_seconds:.1f} s, the object has "
    await desk.refused(shorter, recorded + r"[0-9.]+ s")


async def test_an_object_that_is_nothing(desk: Desk) -> None:
    seen = replace(await desk.recorded(), size_bytes=0)
    key = f"recordings/{desk.call_id}/odd.ogg"
    odd = replace(seen, object_key=key)
    await desk.refused(odd, "The store has no recordings/")
    await desk.put(key, b"")
    await desk.refused(odd, "It is empty")
    await desk.put(key, b"<html>no sound</html>" * 100)
    await desk.refused(odd, "not an OGG file")
    await desk.refused(replace(seen, object_key=""), "nothing, which is not this call's")
    await desk.refused(replace(seen, object_key="recordings/other/1.ogg"), "not this call's")


async def test_a_store_that_does_not_answer(desk: Desk) -> None:
    nobody = FreePorts.take()
    try:
        bucket = replace(desk.bucket, endpoint=f"http://127.0.0.1:{nobody.ports.s3}")
        activities = RecordingActivities(desk.bench.recorder, bucket)
        order = VerifyRecording(call_id=desk.call_id, egress=await desk.recorded())
        with pytest.raises(ApplicationError) as error:
            await ActivityEnvironment().run(activities.verify_recording, order)
    finally:
        nobody.give_back()
    assert (error.value.type, error.value.non_retryable) == ("store-unavailable", False)
