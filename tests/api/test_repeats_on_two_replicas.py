"""One key at two replicas of the API, one of them cut off from Temporal."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.testing import WorkflowEnvironment

from contract.calls import CallStatus
from contract.endings import CallEnding, EndedBy, EndedReason
from contract.identity import call_id_for_key
from contract.steps import WriteRecord
from store.calls import Calls
from tests.api.service import Service, serve, settings_for
from tests.api.temporal import eventually, place_of, started_workflows, worker

pytestmark = pytest.mark.stack

BODY = {"assistant_id": "demo", "metadata": {"order": "A-17"}}
KEY = {"Idempotency-Key": "order-17"}
CALL = call_id_for_key("default", "order-17")


@dataclass(frozen=True)
class Replicas:
    well: Service
    cut_off: Service


@pytest.fixture
async def replicas(
    tmp_path: Path, temporal: WorkflowEnvironment, database_url: str
) -> AsyncIterator[Replicas]:
    there: dict[str, Any] = place_of(temporal)
    usual: dict[str, Any] = {"database_url": database_url}
    async with AsyncExitStack() as stack:
        # Takes connections and never says a word.
        silent = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        nowhere = f"127.0.0.1:{silent.getsockname()[1]}"
        well = settings_for(tmp_path, **usual, **there, start_timeout_seconds=10.0)
        silent_there = there | {"temporal_address": nowhere}
        cut_off = settings_for(tmp_path, **usual, **silent_there, start_timeout_seconds=1.5)
        yield Replicas(
            await stack.enter_async_context(serve(well)),
            await stack.enter_async_context(serve(cut_off)),
        )


async def start(service: Service) -> Any:
    return await service.post("/web_call/get_token", BODY, headers=KEY)


async def assert_stands(replicas: Replicas, client: Client) -> None:
    await asyncio.sleep(1.5)  # whoever gave up would have told Temporal by now
    assert (await replicas.well.get(f"/calls/{CALL}")).status_code == 200
    described = await client.get_workflow_handle(CALL).describe()
    assert described.status == WorkflowExecutionStatus.RUNNING
    assert await client.get_workflow_handle(CALL).query("facts") == []
    # Also where Temporal does not answer: what was announced once is announced again.
    for service in (replicas.well, replicas.cut_off):
        replayed = await start(service)
        assert (replayed.status_code, replayed.json()["call_id"]) == (200, CALL)


async def test_a_repeat_that_fails_leaves_the_first_request_its_call(
    replicas: Replicas, temporal: WorkflowEnvironment
) -> None:
    first = asyncio.create_task(start(replicas.well))

    async def is_started() -> bool:
        return bool(await started_workflows(temporal.client, {CALL}))

    await eventually(is_started)
    repeat = await start(replicas.cut_off)
    async with worker(temporal.client):
        answer = await first
        assert (repeat.status_code, answer.status_code) == (503, 200)
        await assert_stands(replicas, temporal.client)


async def test_a_first_request_that_fails_leaves_a_repeat_its_call(
    replicas: Replicas, temporal: WorkflowEnvironment
) -> None:
    async with worker(temporal.client):
        first = asyncio.create_task(start(replicas.cut_off))

        async def is_claimed() -> bool:
            return (await replicas.well.get(f"/calls/{CALL}")).status_code == 200

        await eventually(is_claimed)
        repeat = await start(replicas.well)
        assert (await first).status_code == 503
        assert (repeat.status_code, repeat.headers["Idempotent-Replayed"]) == (200, "true")
        await assert_stands(replicas, temporal.client)


async def test_a_repeat_that_comes_too_late_for_a_given_up_start_is_told_so(
    replicas: Replicas, temporal: WorkflowEnvironment
) -> None:
    first = asyncio.create_task(start(replicas.cut_off))

    async def is_claimed() -> bool:
        return (await replicas.well.get(f"/calls/{CALL}")).status_code == 200

    await eventually(is_claimed)
    repeat = asyncio.create_task(start(replicas.well))
    assert (await first).status_code == 503
    async with worker(temporal.client):
        assert (await repeat).status_code == 503
        again = await start(replicas.well)
    assert again.json()["call_id"] == call_id_for_key("default", "order-17", 2)


async def test_a_call_that_was_over_before_anybody_was_told_of_it_is_not_announced(
    replicas: Replicas, temporal: WorkflowEnvironment
) -> None:
    """Its API died at the start; the room watch has closed its row."""
    unheard = asyncio.create_task(start(replicas.cut_off))

    async def is_claimed() -> bool:
        return (await replicas.well.get(f"/calls/{CALL}")).status_code == 200

    await eventually(is_claimed)
    unheard.cancel()
    await asyncio.gather(unheard, return_exceptions=True)
    over = CallEnding(EndedReason.CANCELLED, EndedBy.PLATFORM, "The call's workflow is gone.")
    async with replicas.well.parts.database.session() as session:
        await Calls(session).write(WriteRecord(call_id=CALL, status=CallStatus.ENDED, ending=over))
    async with worker(temporal.client):
        late = await start(replicas.well)
    assert late.status_code == 200
    assert late.json()["call_id"] == call_id_for_key("default", "order-17", 2)


async def test_a_hang_up_that_was_answered_is_answered_again_without_temporal(
    replicas: Replicas, temporal: WorkflowEnvironment
) -> None:
    async def hang_up(service: Service, reason: str) -> Any:
        headers = {"Idempotency-Key": "hang-up-1"}
        return await service.post(f"/calls/{CALL}/hangup", {"reason": reason}, headers=headers)

    async with worker(temporal.client):
        assert (await start(replicas.well)).status_code == 200
        first = await hang_up(replicas.well, "closing time")
    repeat = await hang_up(replicas.cut_off, "closing time")
    other = await hang_up(replicas.well, "boredom")
    assert (first.status_code, repeat.status_code) == (200, 200)
    assert (repeat.json(), repeat.headers["Idempotent-Replayed"]) == (first.json(), "true")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency-key-reused")
