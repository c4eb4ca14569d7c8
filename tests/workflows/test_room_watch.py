"""The room watch goes on, shift after shift, whatever becomes of one."""

from __future__ import annotations

import asyncio
import os
import uuid

import pytest
from temporalio import activity
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.exceptions import ApplicationError
from temporalio.worker import Worker

from contract.steps import Step, WatchRooms
from tests.workflows.saved_histories import save_histories
from workflows.room_watch import RoomWatchWorkflow

pytestmark = [pytest.mark.stack, pytest.mark.asyncio(loop_scope="session")]


class Shifts:
    """The watch's activity: one shift ends, LiveKit refuses the next, the third goes on."""

    def __init__(self) -> None:
        self.begun: list[WatchRooms] = []
        self.third = asyncio.Event()

    @activity.defn(name=Step.WATCH_ROOMS.value)
    async def watch_rooms(self, asked: WatchRooms) -> None:
        self.begun.append(asked)
        if len(self.begun) == 2:
            raise ApplicationError("LiveKit refuses our key.", non_retryable=True)
        if len(self.begun) == 3:
            self.third.set()
            await asyncio.Event().wait()


async def test_room_watch_outlives_a_shift_that_was_refused(
    client: Client, task_queue: str, request: pytest.FixtureRequest
) -> None:
    shifts = Shifts()
    async with Worker(
        client,
        task_queue=task_queue,
        workflows=[RoomWatchWorkflow],
        activities=[shifts.watch_rooms],
    ):
        watch = await client.start_workflow(
            RoomWatchWorkflow.run, id=f"watch-{uuid.uuid4().hex[:8]}", task_queue=task_queue
        )
        async with asyncio.timeout(30):
            await shifts.third.wait()
        assert shifts.begun == [WatchRooms(shift=1800.0, interval=2.0)] * 3
        assert (await watch.describe()).status is WorkflowExecutionStatus.RUNNING
        if os.environ.get("SAVE_HISTORIES"):
            await save_histories(client, task_queue, request.node.name)
        await watch.terminate()
