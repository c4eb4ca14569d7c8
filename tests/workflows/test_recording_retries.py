"""A recording that needs attention stays open, and an operator's retry brings it to an end."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from temporalio.client import WorkflowHandle, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError
from temporalio.testing import WorkflowEnvironment

from contract.calls import RecordingStatus, TimelineEntry
from contract.identity import new_call_id, recording_workflow_id
from contract.recordings import (
    EgressSeen,
    EgressStatus,
    RecordingReport,
    RecordingRequest,
    RecordingRetry,
)
from contract.steps import RecordingRescued, RecordingVerified, Step
from tests.workflows.world import World

pytestmark = [pytest.mark.stack, pytest.mark.asyncio(loop_scope="session")]

FILE = RecordingVerified(
    object_key="recordings/x/1.ogg", size_bytes=900, duration_seconds=7.0, sha256="1" * 64
)
LATER = RecordingVerified(
    object_key="recordings/x/2.ogg", size_bytes=400, duration_seconds=3.0, sha256="2" * 64
)
NO_ANSWER = ApplicationError("no answer", type="livekit-unreachable")
STORE_IS_DOWN = ApplicationError("S3 does not answer", type="store-unavailable")
READY, LOST = RecordingStatus.READY, RecordingStatus.LOST
NEEDS_ATTENTION, RECORDING = RecordingStatus.NEEDS_ATTENTION, RecordingStatus.RECORDING


class Recording:
    """One recording's workflow, its call, and the operator who retries it."""

    def __init__(self, world: World, task_queue: str) -> None:
        self._world = world
        self._task_queue = task_queue
        self._call_id = new_call_id()
        self.workflow: WorkflowHandle[Any, RecordingReport]

    async def start(self) -> None:
        await self._begin()

    async def _begin(self, **cut_off: Any) -> None:
        self.workflow = await self._world.client.start_workflow(
            "RecordingWorkflow",
            RecordingRequest(
                call_id=self._call_id, tenant_id="default", room_name=self._call_id, **cut_off
            ),
            id=recording_workflow_id(self._call_id),
            task_queue=self._task_queue,
            result_type=RecordingReport,
        )

    async def taken_up(self, flaw: str) -> None:
        """By the janitor: the workflow that waited was terminated."""
        await self._begin(left_behind=True, attempts=2, flaw=flaw)

    async def call_ends(self) -> None:
        await self.workflow.signal("stop")

    async def failed_after_the_call(self) -> None:
        """Egress could not upload it."""
        self._world.egress_end = EgressStatus.FAILED
        await self.start()
        await self._world.until_recording(RECORDING)
        await self.call_ends()
        await self._world.until_recording(NEEDS_ATTENTION)

    async def never_started(self) -> None:
        """The call goes on without it: Egress does not let us in."""
        self._world.egress_errors = [_refused()]
        await self.start()
        await self._world.until_recording(NEEDS_ATTENTION)

    async def retry(self, reason: str = "The store is back.", by: str = "ops@desk") -> Any:
        return await self.workflow.execute_update(
            "retry", RecordingRetry(by=by, reason=reason), result_type=RecordingReport
        )

    async def refused(self, **changes: str) -> ApplicationError:
        with pytest.raises(WorkflowUpdateFailedError) as refused:
            await self.retry(**changes)
        assert isinstance(refused.value.cause, ApplicationError)
        return refused.value.cause

    def lines(self, kind: str) -> list[TimelineEntry]:
        written = [entry for update in self._world.recordings for entry in update.entries]
        return [entry for entry in written if entry.kind == kind]


def _refused() -> ApplicationError:
    return ApplicationError("401", type="livekit-unauthenticated", non_retryable=True)


@pytest.fixture
def recording(world: World, task_queue: str) -> Recording:
    return Recording(world, task_queue)


@pytest.mark.usefixtures("unskipped")
async def test_a_file_that_is_found_makes_it_whole(world: World, recording: Recording) -> None:
    await recording.failed_after_the_call()
    brought = "recordings/x/1.ogg was brought from Egress' backup storage."
    world.rescues = [RecordingRescued(files=(FILE,), remarks=(brought,))]
    answer = await recording.retry()
    assert answer == RecordingReport(
        status=READY, attempts=1, detail=f"The recording is whole: 7.0 s. {brought}"
    )
    assert await recording.workflow.result() == answer
    written = world.recordings[-1]
    assert (written.status, written.sha256) == (READY, FILE.sha256)
    (line,) = recording.lines("recording_retry")
    assert (line.actor, line.data) == (
        "operator",
        {"requested_by": "ops@desk", "reason": "The store is back."},
    )
    (file,) = recording.lines("recording_file")
    assert file.data["object_key"] == FILE.object_key


@pytest.mark.usefixtures("unskipped")
async def test_a_file_that_is_nowhere_is_lost(world: World, recording: Recording) -> None:
    await recording.failed_after_the_call()
    nowhere = "recordings/x/1.ogg is neither in the object store nor in Egress' backup storage."
    world.rescues = [RecordingRescued(files=(), missing=(nowhere,))]
    answer = await recording.retry()
    assert (answer.status, answer.detail) == (LOST, f"The recording is lost. {nowhere}")
    assert await recording.workflow.result() == answer


@pytest.mark.usefixtures("unskipped")
async def test_it_may_be_retried_until_the_store_is_back(
    world: World, recording: Recording
) -> None:
    await recording.failed_after_the_call()
    half = "recordings/x/1.ogg in the object store is not whole. It is empty."
    world.rescues = [
        STORE_IS_DOWN,
        RecordingRescued(files=(), unusable=(half,)),
        RecordingRescued(files=(FILE,)),
    ]
    first, second, third = [await recording.retry(f"Try {n}.") for n in range(3)]
    assert (first.status, first.detail) == (
        NEEDS_ATTENTION,
        "store-unavailable: S3 does not answer",
    )
    assert (second.status, second.detail) == (NEEDS_ATTENTION, half)
    assert third.status is READY
    reasons = [line.data["reason"] for line in recording.lines("recording_retry")]
    assert reasons == ["Try 0.", "Try 1.", "Try 2."]


@pytest.mark.usefixtures("unskipped")
async def test_a_recording_with_a_gap_is_accepted_as_it_is(
    world: World, recording: Recording
) -> None:
    await recording.start()
    await world.until_recording(RECORDING)
    killed = {"egress_id": "EG_1", "status": "failed", "error": "signal: killed"}
    await recording.workflow.signal("egress", killed)
    await world.until_recording(RECORDING, times=2)
    await recording.call_ends()
    await world.until_recording(NEEDS_ATTENTION)
    world.rescues = [RecordingRescued(files=(LATER, FILE))]
    answer = await recording.retry("It is all that there is.")
    assert (answer.status, answer.detail) == (
        READY,
        "The recording is whole, in 2 files: 3.0 s and 7.0 s. "
        "The recording has a gap. Attempt 1 broke: Egress failed: signal: killed.",
    )
    assert world.recordings[-1].object_key == FILE.object_key  # the longest
    (order,) = world.orders(Step.RESCUE_RECORDING)
    assert [one.egress_id for one in order.segments] == ["EG_1", "EG_2"]


@pytest.mark.usefixtures("unskipped")
async def test_while_the_call_lives_a_retry_records_what_is_still_to_come(
    world: World, recording: Recording
) -> None:
    await recording.never_started()
    answer = await recording.retry("Egress has its key now.")
    assert answer == RecordingReport(
        status=RECORDING, attempts=2, detail="Recording again, attempt 2."
    )
    assert (await recording.refused()).type == "recording-not-failed"
    await recording.call_ends()
    told = await world.until_recording(NEEDS_ATTENTION, times=2)
    assert told.detail.startswith("The recording has a gap until ")
    assert told.detail.endswith("Attempt 1 failed: livekit-unauthenticated: 401")
    world.rescues = [RecordingRescued(files=(LATER,))]
    assert (await recording.retry()).status is READY


@pytest.mark.usefixtures("unskipped")
async def test_a_retry_that_cannot_start_either_says_why(
    world: World, recording: Recording
) -> None:
    await recording.never_started()
    world.egress_errors = [_refused()]
    answer = await recording.retry()
    assert (answer.status, answer.detail) == (
        NEEDS_ATTENTION,
        "Attempt 2 failed: livekit-unauthenticated: 401",
    )


@pytest.mark.usefixtures("unskipped")
async def test_a_call_that_ends_unrecorded_has_lost_its_recording(
    world: World, recording: Recording
) -> None:
    await recording.never_started()
    await recording.call_ends()
    report = await recording.workflow.result()
    assert report.status is LOST
    assert report.detail.startswith("Nothing was recorded. The recording could not be started.")
    assert Step.RESCUE_RECORDING not in world.steps()


@pytest.mark.usefixtures("unskipped")
async def test_what_egress_still_works_on_is_not_lost(world: World, recording: Recording) -> None:
    world.await_error = _refused()
    world.looked_at = EgressStatus.ENDING
    await recording.start()
    await world.until_recording(RECORDING)
    await recording.call_ends()
    await world.until_recording(NEEDS_ATTENTION)
    answer = await recording.retry()
    assert answer.status is NEEDS_ATTENTION
    assert answer.detail.startswith("Egress still works on ")
    world.looked_at = EgressStatus.COMPLETE
    world.rescues = [RecordingRescued(files=(FILE,))]
    assert (await recording.retry("A minute later.")).status is READY


@pytest.mark.usefixtures("unskipped")
async def test_refusals(world: World, recording: Recording) -> None:
    await recording.start()
    await world.until_recording(RECORDING)
    early = await recording.refused()
    assert (early.type, early.message) == (
        "recording-not-failed",
        "Only a recording that needs attention can be retried; this one is recording.",
    )
    world.egress_end = EgressStatus.FAILED
    await recording.call_ends()
    await world.until_recording(NEEDS_ATTENTION)
    assert (await recording.refused(reason=" ")).type == "bad-retry"
    assert (await recording.refused(by="")).type == "bad-retry"
    assert (await recording.refused(reason="x" * 501)).type == "bad-retry"
    assert recording.lines("recording_retry") == []


@pytest.mark.usefixtures("unskipped")
async def test_two_retries_at_once(world: World, recording: Recording) -> None:
    await recording.failed_after_the_call()
    world.rescues = [RecordingRescued(files=(FILE,))]
    world.rescue_may_go_on = asyncio.Event()
    first = asyncio.create_task(recording.retry(by="first"))
    await world.until(Step.RESCUE_RECORDING)
    second = await recording.refused(by="second")
    assert (second.type, second.message) == (
        "retry-under-way",
        "A retry of first is under way: wait for its end.",
    )
    world.rescue_may_go_on.set()
    assert (await first).status is READY


@pytest.mark.usefixtures("unskipped")
async def test_a_recording_that_is_deleted_waits_no_longer(
    world: World, recording: Recording
) -> None:
    await recording.failed_after_the_call()
    written = len(world.recordings)
    await recording.workflow.signal("deleted")
    assert (await recording.workflow.result()).status is RecordingStatus.DELETED
    assert len(world.recordings) == written
    assert Step.RESCUE_RECORDING not in world.steps()


async def test_a_month_without_an_operator_ends_with_a_last_look(
    world: World, recording: Recording, env: WorkflowEnvironment
) -> None:
    with env.with_time_skipping_disabled():
        await recording.failed_after_the_call()
    world.rescues = [RecordingRescued(files=(FILE,))]
    await env.fast_forward(recording.workflow, timedelta(days=31))
    assert (await recording.workflow.result()).status is READY
    (line,) = recording.lines("recording_last_look")
    assert line.actor == "platform"


async def test_a_last_look_at_a_store_that_is_down_leaves_it_as_it_is(
    world: World, recording: Recording, env: WorkflowEnvironment
) -> None:
    with env.with_time_skipping_disabled():
        await recording.failed_after_the_call()
    world.rescues = [STORE_IS_DOWN]
    await env.fast_forward(recording.workflow, timedelta(days=31))
    assert (await recording.workflow.result()).status is NEEDS_ATTENTION


@pytest.mark.usefixtures("unskipped")
async def test_a_start_whose_answer_was_lost_is_looked_for_again(
    world: World, recording: Recording
) -> None:
    """Egress could not be asked when the call was over; by now it can."""
    world.found_egress = EgressSeen(
        egress_id="EG_9", status=EgressStatus.COMPLETE, object_key="recordings/x/1.ogg"
    )
    world.find_error = _refused()
    world.egress_errors = [ApplicationError("no answer", type="livekit-unreachable")]
    await recording.start()
    await world.until(Step.START_EGRESS)
    await recording.call_ends()
    told = await world.until_recording(NEEDS_ATTENTION)
    assert told.detail.startswith("Whether anything was recorded is not known: ")
    world.find_error = None
    world.rescues = [RecordingRescued(files=(FILE,))]
    assert (await recording.retry()).status is READY
    (order,) = world.orders(Step.RESCUE_RECORDING)
    assert [one.egress_id for one in order.segments] == ["EG_9"]


@pytest.mark.usefixtures("unskipped")
async def test_a_retry_whose_answer_was_lost_is_looked_for_when_the_call_is_over(
    world: World, recording: Recording
) -> None:
    """The worker died, or the network; Egress records all the same."""
    await recording.never_started()
    world.egress_errors = [NO_ANSWER]
    assert (await recording.retry()).status is NEEDS_ATTENTION
    world.found_egress = EgressSeen(
        egress_id="EG_2", status=EgressStatus.STARTING, object_key="recordings/x/2.ogg"
    )
    world.looked_at = EgressStatus.COMPLETE
    world.rescues = [RecordingRescued(files=(LATER,))]
    await recording.call_ends()
    report = await recording.workflow.result()
    assert (report.status, report.detail) == (READY, "The recording is whole: 3.0 s.")
    assert [which.egress_id for which in world.orders(Step.STOP_EGRESS)] == ["EG_2"]


@pytest.mark.usefixtures("unskipped")
async def test_a_retry_whose_answer_was_lost_and_that_did_not_work_is_lost(
    world: World, recording: Recording
) -> None:
    await recording.never_started()
    world.egress_errors = [NO_ANSWER]
    await recording.retry()
    await recording.call_ends()
    report = await recording.workflow.result()
    assert (report.status, report.detail) == (
        LOST,
        "The recording is lost. Nothing was recorded. "
        "Attempt 2 failed: livekit-unreachable: no answer",
    )


@pytest.mark.usefixtures("unskipped")
async def test_one_that_could_not_be_looked_for_waits_for_an_operator(
    world: World, recording: Recording
) -> None:
    await recording.never_started()
    world.egress_errors = [NO_ANSWER]
    await recording.retry()
    world.rescues = [STORE_IS_DOWN, RecordingRescued(files=(LATER,))]
    await recording.call_ends()
    told = await world.until_recording(NEEDS_ATTENTION, times=3)
    assert told.detail == "store-unavailable: S3 does not answer"
    assert (await recording.retry()).status is READY


async def test_what_a_dead_egress_never_stored_is_lost(
    world: World, recording: Recording, env: WorkflowEnvironment
) -> None:
    """Its whole service was killed: LiveKit shows it as active for ever."""
    world.await_error = world.stop_error = _refused()
    world.found_egress = EgressSeen(
        egress_id="EG_1", status=EgressStatus.ACTIVE, object_key="recordings/x/1.ogg"
    )
    with env.with_time_skipping_disabled():
        await recording.start()
        await world.until_recording(RECORDING)
        await recording.call_ends()
        await world.until_recording(NEEDS_ATTENTION)
        nowhere = RecordingRescued(files=(), missing=("recordings/x/1.ogg is nowhere.",))
        world.rescues = [nowhere, nowhere]
        early = await recording.retry("At once.")
        assert early.status is NEEDS_ATTENTION
        assert early.detail.startswith("Egress still works on recordings/x/1.ogg (active)")
    await env.fast_forward(recording.workflow, timedelta(hours=1))
    answer = await recording.retry("An hour later.")
    assert (answer.status, answer.detail) == (
        LOST,
        "The recording is lost. recordings/x/1.ogg is nowhere.",
    )


async def test_after_a_month_a_doubt_keeps_nothing_open(
    world: World, recording: Recording, env: WorkflowEnvironment
) -> None:
    world.await_error = _refused()
    world.looked_at = EgressStatus.ENDING
    with env.with_time_skipping_disabled():
        await recording.start()
        await world.until_recording(RECORDING)
        await recording.call_ends()
        await world.until_recording(NEEDS_ATTENTION)
    nowhere = "recordings/x/1.ogg is nowhere."
    world.rescues = [RecordingRescued(files=(), missing=(nowhere,))]
    await env.fast_forward(recording.workflow, timedelta(days=31))
    report = await recording.workflow.result()
    assert (report.status, report.detail) == (LOST, f"The recording is lost. {nowhere}")


@pytest.mark.usefixtures("unskipped")
async def test_a_deletion_waits_for_what_egress_still_works_on(
    world: World, recording: Recording
) -> None:
    """What it uploads after the deletion nobody else would ever look for."""
    world.await_error = _refused()
    await recording.start()
    await world.until_recording(RECORDING)
    await recording.call_ends()
    before = await world.until_recording(NEEDS_ATTENTION)
    world.await_error = None
    await recording.workflow.signal("deleted")
    assert (await recording.workflow.result()).status is RecordingStatus.DELETED
    last = world.recordings[-1]
    assert (last.status, last.detail) == (NEEDS_ATTENTION, before.detail)
    assert [entry.kind for entry in last.entries] == ["recording_ended_late"]


@pytest.mark.usefixtures("unskipped")
async def test_one_whose_workflow_was_cut_off_can_still_be_retried(
    world: World, recording: Recording
) -> None:
    await recording.taken_up("The recording has a gap. Attempt 1 broke: killed")
    told = await world.until_recording(NEEDS_ATTENTION)
    assert told.detail == "The recording has a gap. Attempt 1 broke: killed"
    assert [entry.kind for entry in told.entries] == ["cut_off", "recording_needs_attention"]
    world.rescues = [RecordingRescued(files=(LATER,))]
    answer = await recording.retry()
    assert (answer.status, answer.attempts) == (READY, 2)
    assert answer.detail == (
        "The recording is whole: 3.0 s. Before its workflow was cut off it was said: "
        "The recording has a gap. Attempt 1 broke: killed."
    )
