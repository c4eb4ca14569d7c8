"""Calls to telephones while Temporal does not answer: nobody is called twice, or unasked."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import WorkflowExecutionStatus
from temporalio.testing import WorkflowEnvironment

from api.call_starts import withdraw_later
from contract.calls import CallRequest, CallStatus, Direction, Provider
from contract.identity import call_id_for_key
from store.calls import NewCall
from store.errors import CallOver, CallUnknown
from store.lines import Lines
from tests.api.outbound import call, given_trunk, rows
from tests.api.service import Service, serve, settings_for
from tests.api.temporal import eventually, place_of, started_workflows, worker

pytestmark = pytest.mark.stack

CALL = call_id_for_key("default", "order-17")
PATIENCE = 1.5


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
        cut_off = settings_for(tmp_path, **usual, **silent_there, start_timeout_seconds=PATIENCE)
        running = Replicas(
            await stack.enter_async_context(serve(well)),
            await stack.enter_async_context(serve(cut_off)),
        )
        await given_trunk(running.well)
        yield running


async def take_line(service: Service, call_id: str) -> None:
    """As the call's workflow does before it dials."""
    async with service.parts.database.session() as session:
        await Lines(session).take(call_id, "default", "mumbai", datetime.now(UTC))


async def claimed(service: Service) -> str:
    """The call's id, once its row is there."""

    async def is_there() -> bool:
        return bool(await rows(service))

    await eventually(is_there)
    return (await rows(service))[0].call_id


@pytest.mark.parametrize("key", ["order-17", None])
async def test_a_start_that_nobody_answers_is_503_and_nobody_is_called(
    replicas: Replicas, temporal: WorkflowEnvironment, key: str | None
) -> None:
    asking = asyncio.create_task(call(replicas.cut_off, key))
    call_id = await claimed(replicas.well)
    answer = await asking
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert int(answer.headers["Retry-After"]) > 0
    assert answer.elapsed.total_seconds() < 15
    assert await rows(replicas.well) == []
    # Had Temporal taken the start all the same, its workflow would get no line.
    with pytest.raises(CallUnknown):
        await take_line(replicas.well, call_id)
    again = await call(replicas.well, key)
    assert again.status_code == 202
    if key is not None:
        assert again.json()["call_id"] == call_id_for_key("default", key, 2)
        assert "Idempotent-Replayed" not in again.headers


@pytest.mark.parametrize("key", ["order-17", None])
async def test_a_call_that_went_its_way_meanwhile_is_accepted_after_all(
    replicas: Replicas, key: str | None
) -> None:
    """Temporal took the start, and fell silent before it said so."""
    asking = asyncio.create_task(call(replicas.cut_off, key))
    call_id = await claimed(replicas.well)
    await take_line(replicas.well, call_id)
    answer = await asking
    assert (answer.status_code, answer.json()["call_id"]) == (202, call_id)
    (row,) = await rows(replicas.well)
    assert row.status == CallStatus.QUEUED
    if key is not None:
        again = await call(replicas.cut_off, key)  # settled, so Temporal is not asked
        assert (again.status_code, again.json()) == (202, answer.json())
        assert again.headers["Idempotent-Replayed"] == "true"


async def test_a_start_that_was_taken_back_and_shows_up_later_ends_cancelled(
    replicas: Replicas, temporal: WorkflowEnvironment
) -> None:
    """It was on its way to Temporal when it was given up."""
    usual: dict[str, Any] = {
        "call_id": CALL,
        "tenant_id": "default",
        "direction": Direction.OUTBOUND,
        "provider": Provider.BRIDGE,
        "room_name": CALL,
        "assistant_id": "demo",
    }
    now = datetime.now(UTC)
    request = CallRequest(requested_at=now, **usual)
    async with worker(temporal.client):
        handle = await temporal.client.start_workflow(
            "CallWorkflow", request, id=CALL, task_queue="calls"
        )
        new = NewCall(started_at=now, trunk_id="mumbai", **usual)
        await withdraw_later(replicas.well.parts, new)
        assert await handle.result() == "over"
    (row,) = await rows(replicas.well)
    assert (row.status, row.ended_reason) == ("ended", "cancelled")
    with pytest.raises(CallOver):
        await take_line(replicas.well, CALL)


async def test_a_repeat_that_fails_leaves_the_first_request_its_call(
    replicas: Replicas, temporal: WorkflowEnvironment
) -> None:
    first, repeat = await asyncio.gather(
        call(replicas.well, "order-17"), call(replicas.cut_off, "order-17")
    )
    assert first.status_code == 202
    # Whoever came second: either it saw the answer of the first, or it waited in vain.
    assert repeat.status_code in (202, 503)
    assert [row.call_id for row in await rows(replicas.well)] == [CALL]
    described = await temporal.client.get_workflow_handle(CALL).describe()
    assert described.status is WorkflowExecutionStatus.RUNNING
    for service in (replicas.well, replicas.cut_off):
        replayed = await call(service, "order-17")
        assert (replayed.status_code, replayed.json()) == (202, first.json())


async def test_a_first_request_that_fails_leaves_a_repeat_its_call(
    replicas: Replicas, temporal: WorkflowEnvironment
) -> None:
    first = asyncio.create_task(call(replicas.cut_off, "order-17"))
    await claimed(replicas.well)
    repeat = await call(replicas.well, "order-17")
    assert (repeat.status_code, repeat.headers["Idempotent-Replayed"]) == (202, "true")
    assert (await first).status_code == 503
    assert [row.call_id for row in await rows(replicas.well)] == [CALL]
    assert await started_workflows(temporal.client, {CALL}) == {CALL}


async def test_a_start_that_died_with_its_api_is_taken_up_by_the_repeat(
    replicas: Replicas, temporal: WorkflowEnvironment
) -> None:
    """Row and key are there, the workflow is not."""
    unheard = asyncio.create_task(call(replicas.cut_off, "order-17"))
    await claimed(replicas.well)
    unheard.cancel()
    await asyncio.gather(unheard, return_exceptions=True)
    again = await call(replicas.well, "order-17")
    assert (again.status_code, again.json()["call_id"]) == (202, CALL)
    assert await started_workflows(temporal.client, {CALL}) == {CALL}
