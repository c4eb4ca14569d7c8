"""What happens when S3 does not take the file, and where the audio is then."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from livekit import api

from sandbox.stack.ports import FreePorts
from tests.sandbox.recorder.bench import Bench, Sound

pytestmark = [pytest.mark.stack, pytest.mark.asyncio(loop_scope="session")]

Status = api.EgressStatus


def active(info: api.EgressInfo) -> bool:
    return info.status == Status.EGRESS_ACTIVE


def ended(info: api.EgressInfo) -> bool:
    return info.status >= Status.EGRESS_COMPLETE


async def record(bench: Bench, seconds: float = 0.6, **s3: Any) -> str:
    room = await bench.room()
    async with bench.speaker(room, "caller") as caller:
        caller.hz = 440
        await caller.publish()
        egress = await bench.start(room, **s3)
        await bench.until(egress.egress_id, active)
        await asyncio.sleep(seconds)
        await bench.stop(egress.egress_id)
    return egress.egress_id


async def failed(bench: Bench, egress_id: str, within: float = 30.0) -> api.EgressInfo:
    info = await bench.until(egress_id, ended, within)
    assert (info.status, info.error_code) == (Status.EGRESS_FAILED, 400)
    assert info.details == "End reason: StopEgress API"
    assert info.file.duration > 0
    assert (info.file.size, info.file.location, info.manifest_location) == (0, "", "")
    bodies = await bench.events(egress_id, 4)
    assert bodies[3]["egressInfo"]["error"] == info.error
    return info


async def test_the_secret_is_wrong(bench: Bench) -> None:
    info = await failed(bench, await record(bench, secret="wrong"))
    assert info.error.startswith(
        "S3 upload failed: err: operation error S3: PutObject, "
        "https response error StatusCode: 403, "
    )
    assert "api error SignatureDoesNotMatch: " in info.error


async def test_the_bucket_is_missing(bench: Bench) -> None:
    info = await failed(bench, await record(bench, bucket="missing"))
    assert "StatusCode: 404" in info.error
    assert "NoSuchBucket" in info.error


async def test_s3_is_down(bench: Bench) -> None:
    """Five attempts; the audio is lost to the caller and kept in the backup folder."""
    nobody = FreePorts.take()
    try:
        endpoint = f"http://127.0.0.1:{nobody.ports.s3}"
        egress_id = await record(bench, endpoint=endpoint)
        stopped = time.monotonic()
        await asyncio.sleep(10)
        assert (await bench.look(egress_id)).status == Status.EGRESS_ENDING
        info = await failed(bench, egress_id)
    finally:
        nobody.give_back()
    assert 13.5 <= time.monotonic() - stopped < 25  # five attempts and the pauses between them
    assert "exceeded maximum number of attempts, 5, " in info.error
    assert info.error.endswith("connect: connection refused, status code: 0")
    kept = next(bench.stack.run_dir.rglob(f"{egress_id}.ogg"))
    Sound.of(kept.read_bytes()).onset_of(440)


async def test_s3_refuses_twice(bench: Bench) -> None:
    await bench.fault(operation="upload", kind="status", value=503, count=2)
    info = await bench.until(await record(bench), ended)
    assert info.status == Status.EGRESS_COMPLETE


async def test_s3_refuses_for_good(bench: Bench) -> None:
    await bench.fault(operation="upload", kind="status", value=403, count=1)
    info = await failed(bench, await record(bench))
    assert "StatusCode: 403" in info.error


async def test_an_upload_that_hangs(bench: Bench) -> None:
    await bench.fault(operation="upload", kind="hang", count=1)
    egress_id = await record(bench)
    await asyncio.sleep(1)
    assert (await bench.look(egress_id)).status == Status.EGRESS_ENDING
    await bench.clear_faults()
    info = await bench.until(egress_id, ended)
    assert info.status == Status.EGRESS_COMPLETE


async def test_an_object_that_is_stored_half(bench: Bench) -> None:
    await bench.fault(operation="upload", kind="garbage", count=1)
    info = await bench.until(await record(bench), ended)
    assert info.status == Status.EGRESS_COMPLETE
    assert len(await bench.object(info.file.filename)) == info.file.size // 2


async def test_the_recording_process_dies(bench: Bench) -> None:
    room = await bench.room()
    async with bench.speaker(room, "caller") as caller:
        await caller.publish()
        egress = await bench.start(room)
        await bench.until(egress.egress_id, active)
        await bench.fault(operation="record", kind="cut", count=1)
        info = await bench.until(egress.egress_id, ended)
    assert (info.status, info.error_code) == (Status.EGRESS_FAILED, 500)
    assert info.error == "signal: killed"
    assert (info.file.duration, info.file.location) == (0, "")
    events = [body["event"] for body in await bench.events(egress.egress_id, 3)]
    assert events == ["egress_started", "egress_updated", "egress_ended"]
