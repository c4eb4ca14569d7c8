"""The recording's attempts, each with its reason, on a real Temporal server with skipped time."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import WorkflowEnvironment

from contract.calls import RecordingStatus
from contract.identity import new_call_id, recording_workflow_id
from contract.recordings import (
    EgressSeen,
    EgressStatus,
    RecordingReport,
    RecordingRequest,
    RecordingStop,
)
from contract.steps import Step
from tests.workflows.world import World

pytestmark = [pytest.mark.stack, pytest.mark.asyncio(loop_scope="session")]


async def _start(world: World, task_queue: str, **known: Any) -> Any:
    call_id = new_call_id()
    return await world.client.start_workflow(
        "RecordingWorkflow",
        RecordingRequest(call_id=call_id, tenant_id="default", room_name=call_id, **known),
        id=recording_workflow_id(call_id),
        task_queue=task_queue,
        result_type=RecordingReport,
    )


def _busy(word: str = "no CPU") -> ApplicationError:
    return ApplicationError(f"Egress is busy: {word}", type="livekit-unavailable")


@pytest.fixture
def unskipped(env: WorkflowEnvironment) -> Any:
    with env.with_time_skipping_disabled():
        yield


@pytest.mark.usefixtures("unskipped")
async def test_webhook_tells_the_end(world: World, task_queue: str) -> None:
    recording = await _start(world, task_queue)
    await world.until(Step.WRITE_RECORDING)
    await recording.signal("stop")
    await world.until(Step.STOP_EGRESS)
    done = {"egress_id": "EG_1", "status": "complete", "duration_seconds": 5.0, "size_bytes": 9}
    await recording.signal("egress", done | {"egress_id": "EG_other"})
    await recording.signal("egress", {"egress_id": 7})
    await recording.signal("egress", done)
    report = await recording.result()
    assert report.status is RecordingStatus.READY
    assert Step.AWAIT_EGRESS_END not in world.steps()
    assert world.recordings[-1].sha256 == "0" * 64


async def test_every_failed_attempt_is_told_with_its_reason(world: World, task_queue: str) -> None:
    world.egress_errors = [_busy("one"), _busy("two")]
    recording = await _start(world, task_queue)
    await world.until(Step.START_EGRESS, times=3)
    await recording.signal("stop")
    assert (await recording.result()).attempts == 3
    texts = [entry.text for update in world.recordings for entry in update.entries]
    assert "Attempt 1 failed: livekit-unavailable: Egress is busy: one" in texts
    assert "Attempt 2 failed: livekit-unavailable: Egress is busy: two" in texts


async def test_an_egress_that_is_away_for_half_a_minute(world: World, task_queue: str) -> None:
    world.egress_errors = [_busy() for _ in range(5)]
    recording = await _start(world, task_queue)
    await world.until_recording(RecordingStatus.RECORDING)
    await recording.signal("stop")
    report = await recording.result()
    assert (report.status, report.attempts) == (RecordingStatus.READY, 6)
    assert report.detail == (
        "The recording is whole: 5.0 s. It began with attempt 6. "
        "Attempt 5 failed: livekit-unavailable: Egress is busy: no CPU"
    )


@pytest.mark.usefixtures("unskipped")
async def test_hopeless_starts_are_not_repeated(world: World, task_queue: str) -> None:
    world.egress_errors = [ApplicationError("room gone", type="room-gone", non_retryable=True)]
    recording = await _start(world, task_queue)
    report = await recording.result()
    assert (report.status, report.attempts) == (RecordingStatus.LOST, 1)


@pytest.mark.usefixtures("unskipped")
async def test_stopped_between_attempts(world: World, task_queue: str) -> None:
    world.egress_errors = [_busy()]
    recording = await _start(world, task_queue)
    await world.until(Step.START_EGRESS)
    await recording.signal("stop")
    report = await recording.result()
    assert report.status in (RecordingStatus.LOST, RecordingStatus.READY)
    assert report.attempts <= 2


@pytest.mark.usefixtures("unskipped")
async def test_upload_that_failed_needs_attention(world: World, task_queue: str) -> None:
    world.egress_end = EgressStatus.FAILED
    recording = await _start(world, task_queue)
    await world.until(Step.START_EGRESS)
    await recording.signal("stop")
    told = await world.until_recording(RecordingStatus.NEEDS_ATTENTION)
    assert told.detail == "Egress failed (400): S3 upload failed"


async def test_nothing_was_ever_heard(world: World, task_queue: str) -> None:
    world.egress_end = EgressStatus.ABORTED
    recording = await _start(world, task_queue)
    await world.until(Step.START_EGRESS)
    await recording.signal("stop")
    assert (await recording.result()).status is RecordingStatus.LOST


@pytest.mark.usefixtures("unskipped")
async def test_object_that_is_not_whole_needs_attention(world: World, task_queue: str) -> None:
    world.verify_error = ApplicationError(
        "2.0 s are missing", type="recording-invalid", non_retryable=True
    )
    recording = await _start(world, task_queue)
    await world.until(Step.START_EGRESS)
    await recording.signal("stop")
    told = await world.until_recording(RecordingStatus.NEEDS_ATTENTION)
    assert "2.0 s are missing" in told.detail


@pytest.mark.usefixtures("unskipped")
async def test_egress_that_dies_under_a_live_call_is_started_again(
    world: World, task_queue: str
) -> None:
    recording = await _start(world, task_queue)
    await world.until(Step.WRITE_RECORDING)
    killed = {"egress_id": "EG_1", "status": "failed", "error": "signal: killed"}
    await recording.signal("egress", killed)
    await world.until(Step.START_EGRESS, times=2)
    await world.until(Step.WRITE_RECORDING, times=3)
    await recording.signal("stop")
    told = await world.until_recording(RecordingStatus.NEEDS_ATTENTION)
    # The second file is sound, but the recording as a whole is not.
    assert told.attempts == 2
    assert "gap" in told.detail
    assert told.sha256
    texts = [entry.text for update in world.recordings for entry in update.entries]
    assert any("signal: killed" in text for text in texts)


async def test_looks_by_itself_when_nobody_tells(
    world: World, task_queue: str, env: WorkflowEnvironment
) -> None:
    with env.with_time_skipping_disabled():
        recording = await _start(world, task_queue)
        await world.until(Step.WRITE_RECORDING)
    await env.fast_forward(recording, timedelta(minutes=2))
    await world.until(Step.LOOK_AT_EGRESS)
    await recording.signal("stop")
    assert (await recording.result()).status is RecordingStatus.READY


async def test_somebody_stops_egress_under_a_live_call(
    world: World, task_queue: str, env: WorkflowEnvironment
) -> None:
    with env.with_time_skipping_disabled():
        recording = await _start(world, task_queue)
        await world.until(Step.WRITE_RECORDING)
    stopped = {"egress_id": "EG_1", "status": "complete", "details": "End reason: StopEgress API"}
    await recording.signal("egress", stopped)
    await env.fast_forward(recording, timedelta(minutes=2))
    told = await world.until_recording(RecordingStatus.NEEDS_ATTENTION)
    assert told.detail == (
        "Egress ended before the call did; the rest was not recorded. Somebody stopped it."
    )
    assert world.steps().count(Step.START_EGRESS) == 1


async def test_an_egress_that_ends_under_a_live_call_is_followed_by_another_one(
    world: World, task_queue: str, env: WorkflowEnvironment
) -> None:
    """As when it is shut down, or loses its room; nobody wanted that."""
    with env.with_time_skipping_disabled():
        recording = await _start(world, task_queue)
        await world.until(Step.WRITE_RECORDING)
    lost_it = {"egress_id": "EG_1", "status": "complete", "details": "End reason: Source closed"}
    await recording.signal("egress", lost_it)
    await env.fast_forward(recording, timedelta(minutes=2))
    await world.until_recording(RecordingStatus.RECORDING, times=2)
    await recording.signal("stop")
    told = await world.until_recording(RecordingStatus.NEEDS_ATTENTION)
    assert (told.attempts, told.detail) == (
        2,
        "The recording has a gap. Attempt 1 ended before the call: Egress complete: Source closed",
    )


async def test_an_egress_that_ended_with_its_room_is_whole_although_the_call_learns_it_late(
    world: World, task_queue: str, env: WorkflowEnvironment
) -> None:
    """Then there is nothing to begin another one for."""
    with env.with_time_skipping_disabled():
        recording = await _start(world, task_queue)
        await world.until(Step.WRITE_RECORDING)
    world.egress_errors = [ApplicationError("gone", type="room-gone", non_retryable=True)]
    done = {"egress_id": "EG_1", "status": "complete", "details": "End reason: Source closed"}
    await recording.signal("egress", done)
    await env.fast_forward(recording, timedelta(minutes=2))
    report = await recording.result()
    assert (report.status, report.detail) == (
        RecordingStatus.READY,
        "The recording is whole: 5.0 s.",
    )


@pytest.mark.usefixtures("unskipped")
@pytest.mark.parametrize("is_told", [True, False], ids=["told", "asked"])
async def test_an_end_that_was_not_recorded_is_missing(
    world: World, task_queue: str, is_told: bool
) -> None:
    """Egress ended by itself, and the call some seconds later."""
    ended_at = datetime.now(UTC) - timedelta(seconds=20)
    recording = await _start(world, task_queue)
    await world.until_recording(RecordingStatus.RECORDING)
    if is_told:
        done = {"egress_id": "EG_1", "status": "complete", "ended_at": ended_at.isoformat()}
        await recording.signal("egress", done)
    world.egress_ended_at = ended_at
    over = RecordingStop(call_ended_at=ended_at + timedelta(seconds=20))
    await recording.signal("stop", over)
    told = await world.until_recording(RecordingStatus.NEEDS_ATTENTION)
    assert told.detail == "Egress ended 20 s before the call did; the rest was not recorded."
    assert told.sha256  # what there is can be listened to


@pytest.mark.usefixtures("unskipped")
@pytest.mark.parametrize("seconds", [-3.0, 0.0, 30.0])
async def test_an_end_beside_the_calls_own_is_whole(
    world: World, task_queue: str, seconds: float
) -> None:
    """Two clocks; and whoever is left in the room is recorded until it closes."""
    now = datetime.now(UTC)
    world.egress_ended_at = now + timedelta(seconds=seconds)
    recording = await _start(world, task_queue, talk_began_at=now - timedelta(seconds=9))
    await world.until_recording(RecordingStatus.RECORDING)
    await recording.signal("stop", RecordingStop(call_ended_at=now))
    report = await recording.result()
    assert (report.status, report.detail) == (
        RecordingStatus.READY,
        "The recording is whole: 5.0 s.",
    )


@pytest.mark.usefixtures("unskipped")
async def test_a_beginning_that_was_not_recorded_is_told(world: World, task_queue: str) -> None:
    answered_at = datetime.now(UTC)
    recording = await _start(world, task_queue, talk_began_at=answered_at)
    await world.until_recording(RecordingStatus.RECORDING)
    began_at = (answered_at + timedelta(seconds=19)).isoformat()
    done = {"egress_id": "EG_1", "status": "complete", "started_at": began_at}
    await recording.signal("egress", done)
    await recording.signal("stop")
    report = await recording.result()
    assert (report.status, report.detail) == (
        RecordingStatus.READY,
        "The recording is whole: 5.0 s. It begins 19 s after the call was answered.",
    )


@pytest.mark.usefixtures("unskipped")
async def test_egress_that_never_tells_needs_attention(world: World, task_queue: str) -> None:
    world.await_error = ApplicationError("401", type="livekit-unauthenticated", non_retryable=True)
    recording = await _start(world, task_queue)
    await world.until(Step.WRITE_RECORDING)
    await recording.signal("stop")
    told = await world.until_recording(RecordingStatus.NEEDS_ATTENTION)
    assert "never told" in told.detail


@pytest.mark.usefixtures("unskipped")
async def test_start_whose_answer_was_lost_is_found_again(world: World, task_queue: str) -> None:
    world.egress_errors = [ApplicationError("no answer", type="livekit-unreachable")]
    world.found_egress = EgressSeen(
        egress_id="EG_1", status=EgressStatus.COMPLETE, object_key="recordings/x/1.ogg"
    )
    recording = await _start(world, task_queue)
    await world.until(Step.START_EGRESS)
    await recording.signal("stop")
    report = await recording.result()
    assert report.status is RecordingStatus.READY
    assert Step.VERIFY_RECORDING in world.steps()


async def test_an_egress_that_never_begins_is_started_anew(world: World, task_queue: str) -> None:
    """Twice; then it is left waiting, as nobody may have published audio yet."""
    world.looked_at = EgressStatus.STARTING
    recording = await _start(world, task_queue)
    await world.until(Step.START_EGRESS, times=3)
    await world.until(Step.LOOK_AT_EGRESS, times=4)
    await recording.signal("stop")
    report = await recording.result()
    assert (report.status, report.attempts) == (RecordingStatus.READY, 3)
    assert report.detail.endswith("It began with attempt 3. Attempt 2 heard nothing for 20 s.")
    # Never two at once, and what was given up is not adopted.
    assert [which.egress_id for which in world.orders(Step.STOP_EGRESS)] == ["EG_1", "EG_2", "EG_3"]
    assert world.orders(Step.START_EGRESS)[2].given_up == ("EG_1", "EG_2")


@pytest.mark.usefixtures("unskipped")
@pytest.mark.parametrize("end", ["aborted", "limit_reached", "unknown"])
async def test_an_egress_that_ends_in_its_own_way_is_followed_by_another_one(
    world: World, task_queue: str, end: str
) -> None:
    recording = await _start(world, task_queue)
    await world.until_recording(RecordingStatus.RECORDING)
    await recording.signal("egress", {"egress_id": "EG_1", "status": end, "error": "of its own"})
    await world.until_recording(RecordingStatus.RECORDING, times=2)
    await recording.signal("stop")
    told = await world.until_recording(RecordingStatus.NEEDS_ATTENTION)
    assert told.attempts == 2
    assert told.detail.startswith(f"The recording has a gap. Attempt 1 broke: Egress {end}: ")


async def test_an_egress_that_cannot_be_stopped_gets_no_second_one_beside_it(
    world: World, task_queue: str
) -> None:
    """It hears nobody, because it hangs; it may wake up."""
    world.looked_at = EgressStatus.STARTING
    world.stop_error = ApplicationError("no", type="livekit-unavailable", non_retryable=True)
    recording = await _start(world, task_queue)
    await world.until(Step.LOOK_AT_EGRESS, times=3)
    world.looked_at = EgressStatus.ACTIVE
    await recording.signal("stop")
    report = await recording.result()
    assert (report.status, report.attempts) == (RecordingStatus.READY, 1)
    assert world.steps().count(Step.START_EGRESS) == 1


async def test_what_a_start_recorded_that_was_given_up_is_not_lost(
    world: World, task_queue: str
) -> None:
    """It wakes up just before it is stopped, and the call ends just after."""
    world.looked_at = EgressStatus.STARTING
    world.stop_may_go_on = asyncio.Event()
    recording = await _start(world, task_queue)
    await world.until(Step.STOP_EGRESS)
    await recording.signal("stop")
    world.stop_may_go_on.set()
    report = await recording.result()
    assert (report.status, report.attempts) == (RecordingStatus.READY, 1)


@pytest.mark.usefixtures("unskipped")
async def test_what_egress_keeps_in_its_backup_storage_is_not_waited_for_in_the_store(
    world: World, task_queue: str
) -> None:
    world.verify_error = ApplicationError("S3 does not answer", type="store-unavailable")
    recording = await _start(world, task_queue)
    await world.until_recording(RecordingStatus.RECORDING)
    kept = {"egress_id": "EG_1", "status": "complete", "backup_used": True}
    await recording.signal("egress", kept)
    await recording.signal("stop")
    told = await world.until_recording(RecordingStatus.NEEDS_ATTENTION)
    assert "Egress keeps it in its backup storage" in told.detail
    assert world.steps().count(Step.VERIFY_RECORDING) == 1


@pytest.mark.usefixtures("unskipped")
async def test_a_store_that_is_away_for_the_check_is_told_and_waited_for(
    world: World, task_queue: str
) -> None:
    world.verify_error = ApplicationError("S3 does not answer", type="store-unavailable")
    recording = await _start(world, task_queue)
    await world.until_recording(RecordingStatus.RECORDING)
    await recording.signal("egress", {"egress_id": "EG_1", "status": "complete"})
    await recording.signal("stop")
    told = await world.until_recording(RecordingStatus.FINALISING)
    assert told.detail.endswith("could not be checked yet. store-unavailable: S3 does not answer")
    world.verify_error = None
    assert (await recording.result()).status is RecordingStatus.READY
