"""Files of recordings are looked for: on real S3, and in the backup storage of a recorder that
could not upload them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio
from livekit import api
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.egress_backup import EgressBackup
from activities.recording import RecordingActivities
from activities.recording_bucket import RecordingBucket
from activities.recording_rescue import RecordingRescue
from contract.identity import new_call_id
from contract.recordings import EgressSeen, EgressStatus
from contract.steps import (
    EgressById,
    RecordingRescued,
    RescueRecording,
    StartEgress,
    VerifyRecording,
)
from sandbox.stack.ports import FreePorts
from tests.sandbox.recorder.bench import Bench, open_bench

pytestmark = [pytest.mark.stack, pytest.mark.asyncio(loop_scope="module")]


class Desk:
    """The activity as a worker calls it, and a recording that S3 refused to take."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self.bucket = RecordingBucket(
            endpoint=bench.s3_endpoint,
            region="us-east-1",
            bucket=bench.bucket,
            access_key=bench.s3_keys[0],
            secret=bench.s3_keys[1],
        )
        self.backup = bench.stack.run_dir / "recorder-backup"
        self.egress = RecordingActivities(bench.recorder, self.bucket)
        self.refused: EgressSeen
        self.audio = b""

    async def record(self) -> None:
        """One recording for all tests: each has a copy of it, in a call of its own."""
        room, call_id = await self._bench.room(), new_call_id()
        run = ActivityEnvironment().run
        async with self._bench.speaker(room, "caller") as caller:
            caller.hz = 440
            await caller.publish()
            order = StartEgress(call_id=call_id, room_name=room, attempt=1)
            egress_id = (await run(self.egress.start_egress, order)).egress_id
            active = api.EgressStatus.EGRESS_ACTIVE
            await self._bench.until(egress_id, lambda info: info.status == active)
            await asyncio.sleep(1)
            await self._bench.fault(operation="upload", kind="status", value=403, count=1)
            await run(self.egress.stop_egress, EgressById(egress_id, room))
            self.refused = await run(self.egress.await_egress_end, EgressById(egress_id, room))
        await self._bench.clear_faults()
        self.audio = (self.backup / self.refused.object_key).read_bytes()

    def call(self) -> tuple[str, EgressSeen]:
        """Another call, of which nothing is anywhere yet."""
        call_id = new_call_id()
        return call_id, replace(self.refused, object_key=f"recordings/{call_id}/1.ogg")

    def keep(self, key: str, audio: bytes) -> Path:
        file = self.backup / key
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(audio)
        return file

    async def put(self, key: str, audio: bytes) -> None:
        await asyncio.to_thread(
            self._bench.s3.put_object, Bucket=self._bench.bucket, Key=key, Body=audio
        )

    async def stored(self, key: str) -> bytes:
        return await self._bench.object(key)

    async def rescue(
        self,
        call_id: str,
        *segments: EgressSeen,
        bucket: RecordingBucket | None = None,
        backup: Path | None = None,
        has_backup: bool = True,
    ) -> RecordingRescued:
        folder = backup or self.backup
        rescue = RecordingRescue(
            bucket or self.bucket, EgressBackup(folder if has_backup else None)
        )
        order = RescueRecording(call_id=call_id, segments=segments)
        return await ActivityEnvironment().run(rescue.rescue_recording, order)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def desk() -> AsyncIterator[Desk]:
    async with open_bench(backup=True) as bench:
        desk = Desk(bench)
        await desk.record()
        yield desk


async def test_what_s3_refused_is_complete_and_in_the_backup_storage(desk: Desk) -> None:
    assert desk.refused.status is EgressStatus.COMPLETE
    assert desk.refused.backup_used
    assert desk.refused.size_bytes == len(desk.audio)
    call_id = desk.refused.object_key.split("/")[1]
    order = VerifyRecording(call_id=call_id, egress=desk.refused)
    with pytest.raises(ApplicationError, match="The store has no recordings/"):
        await ActivityEnvironment().run(desk.egress.verify_recording, order)


async def test_it_is_brought_to_its_place_once(desk: Desk) -> None:
    call_id, told = desk.call()
    kept = desk.keep(told.object_key, desk.audio)
    rescued = await desk.rescue(call_id, told)
    (file,) = rescued.files
    assert (file.object_key, file.size_bytes) == (told.object_key, len(desk.audio))
    assert rescued.remarks == (f"{told.object_key} was brought from Egress' backup storage.",)
    assert await desk.stored(told.object_key) == desk.audio
    assert not kept.parent.exists()
    assert await desk.rescue(call_id, told) == RecordingRescued(files=(file,))


async def test_a_worker_that_died_before_it_cleared_away(desk: Desk) -> None:
    call_id, told = desk.call()
    kept = desk.keep(told.object_key, desk.audio)
    await desk.put(told.object_key, desk.audio)
    rescued = await desk.rescue(call_id, told)
    assert (len(rescued.files), rescued.remarks) == (1, ())
    assert not kept.exists()


async def test_a_half_object_is_replaced_by_the_whole_one(desk: Desk) -> None:
    call_id, told = desk.call()
    await desk.put(told.object_key, desk.audio[: len(desk.audio) // 2])
    desk.keep(told.object_key, desk.audio)
    assert len((await desk.rescue(call_id, told)).files) == 1
    assert await desk.stored(told.object_key) == desk.audio


@pytest.mark.parametrize(
    ("share", "words"),
    [(0.0, "It is empty."), (0.5, "It is cut off in the middle of a page.")],
    ids=["empty", "half"],
)
async def test_what_is_not_whole_stays_with_the_operators(
    desk: Desk, share: float, words: str
) -> None:
    call_id, told = desk.call()
    await desk.put(told.object_key, desk.audio[: int(len(desk.audio) * share)])
    rescued = await desk.rescue(call_id, told)
    sentence = f"{told.object_key} in the object store is not whole. {words}"
    assert rescued == RecordingRescued(files=(), unusable=(sentence,))
    # Somebody mends it by hand.
    await desk.put(told.object_key, desk.audio)
    assert len((await desk.rescue(call_id, told)).files) == 1


async def test_a_broken_copy_is_not_brought(desk: Desk) -> None:
    call_id, told = desk.call()
    kept = desk.keep(told.object_key, desk.audio[:-100])
    (sentence,) = (await desk.rescue(call_id, told)).unusable
    assert sentence.startswith(f"{told.object_key} in Egress' backup storage is not whole. ")
    assert kept.exists()


async def test_an_object_that_vanished(desk: Desk) -> None:
    call_id, told = desk.call()
    words = f"{told.object_key} is neither in the object store nor in Egress' backup storage."
    assert await desk.rescue(call_id, told) == RecordingRescued(files=(), missing=(words,))
    words = f"{told.object_key} is not in the object store."
    unused = replace(told, backup_used=False)
    rescued = await desk.rescue(call_id, unused, has_backup=False)
    assert rescued == RecordingRescued(files=(), missing=(words,))


async def test_a_backup_storage_that_nobody_told_the_worker_of(desk: Desk) -> None:
    call_id, told = desk.call()
    (sentence,) = (await desk.rescue(call_id, told, has_backup=False)).unusable
    assert "set EGRESS_BACKUP_DIR" in sentence


async def test_files_that_egress_has_forgotten_are_found_all_the_same(desk: Desk) -> None:
    call_id, told = desk.call()
    await desk.put(told.object_key, desk.audio)
    second = f"recordings/{call_id}/2.ogg"
    desk.keep(second, desk.audio)
    await desk.put(f"recordings/{call_id}/EG_1.json", b"{}")
    rescued = await desk.rescue(call_id)
    assert [file.object_key for file in rescued.files] == [told.object_key, second]
    assert f"Egress did not tell how long {told.object_key} should be." in rescued.remarks


async def test_places_that_cannot_be_looked_into(desk: Desk, tmp_path: Path) -> None:
    """Nothing may be called lost then."""
    call_id, told = desk.call()
    no_bucket = replace(desk.bucket, bucket="missing")
    nobody = FreePorts.take()
    try:
        no_store = replace(desk.bucket, endpoint=f"http://127.0.0.1:{nobody.ports.s3}")
        for bucket, words in ((no_bucket, "There is no bucket"), (no_store, "does not answer")):
            with pytest.raises(ApplicationError, match=words) as error:
                await desk.rescue(call_id, told, bucket=bucket)
            assert error.value.type == "store-unavailable"
    finally:
        nobody.give_back()
    with pytest.raises(ApplicationError, match="backup storage cannot be read") as error:
        await desk.rescue(call_id, told, backup=tmp_path / "not mounted")
    assert error.value.type == "backup-unavailable"
