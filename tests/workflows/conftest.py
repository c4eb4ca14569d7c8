from __future__ import annotations

import os
import sys
import uuid
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from tests.workflows.phone import Phone
from tests.workflows.saved_histories import save_histories
from tests.workflows.world import World
from workflows import search_attributes
from workflows.call import CallWorkflow
from workflows.recording import RecordingWorkflow
from workflows.sandbox import our_sandbox

TEMPORAL = Path(sys.executable).with_name("temporal")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def env() -> AsyncIterator[WorkflowEnvironment]:
    """A real Temporal server whose workflows' clocks can be turned (time skipping V2)."""
    async with await WorkflowEnvironment.start_time_skipping_v2(
        dev_server_existing_path=str(TEMPORAL),
        data_converter=pydantic_data_converter,
        search_attributes=search_attributes.ALL,
        dev_server_extra_args=[
            "--dynamic-config-value",
            "frontend.WorkflowTimeSkippingEnabled=true",
            "--dynamic-config-value",
            "history.transferProcessorMaxPollRPS=1000",
        ],
    ) as env:
        yield env


@pytest.fixture
def client(env: WorkflowEnvironment) -> Client:
    return env.client


@pytest.fixture
def task_queue() -> str:
    return f"calls-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def unskipped(env: WorkflowEnvironment) -> Iterator[None]:
    """The call lives in real time: facts come before any of its timers fires."""
    with env.with_time_skipping_disabled():
        yield


@pytest.fixture
def phone_class() -> type[Phone]:
    """A test file whose phones are of another kind has another one."""
    return Phone


@pytest_asyncio.fixture(loop_scope="session")
async def world(
    client: Client, task_queue: str, phone_class: type[Phone], request: pytest.FixtureRequest
) -> AsyncIterator[World]:
    world = World(client)
    world.phone = phone_class(world, f"dialling-{task_queue}")
    async with Worker(
        client,
        task_queue=task_queue,
        workflows=[CallWorkflow, RecordingWorkflow],
        activities=[*world.activities, *world.phone.activities],
        workflow_runner=our_sandbox(),
    ):
        yield world
        if os.environ.get("SAVE_HISTORIES"):
            kind = "" if phone_class is Phone else f"{phone_class.__name__}_"
            await save_histories(client, task_queue, f"{kind}{request.node.name}")


@pytest_asyncio.fixture(loop_scope="session")
async def phone(client: Client, world: World) -> AsyncIterator[Phone]:
    """With a bridge that dials it."""
    async with bridge(client, world.phone):
        yield world.phone


def bridge(client: Client, phone: Phone) -> Worker:
    soon = timedelta(seconds=0.1)
    return Worker(
        client,
        task_queue=phone.task_queue,
        activities=[phone.dial_phone],
        default_heartbeat_throttle_interval=soon,
        max_heartbeat_throttle_interval=soon,
    )
