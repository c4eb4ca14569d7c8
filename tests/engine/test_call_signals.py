"""The outbox against a real workflow on a real Temporal."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from temporalio.service import RPCError
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from contract.facts import Fact, FactKind, FactSource
from contract.identity import new_call_id
from engine.call_signals import CallSignals
from engine.client import data_converter
from engine.outbox import FactOutbox
from engine.settings import EngineSettings
from tests.agents.listener import Listener

pytestmark = [pytest.mark.stack, pytest.mark.asyncio(loop_scope="module")]

QUEUE = "listeners"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def temporal() -> AsyncIterator[WorkflowEnvironment]:
    binary = Path(sys.executable).parent / "temporal"
    plain = data_converter(EngineSettings(temporal_address="unused", payload_encryption=False))
    async with (
        await WorkflowEnvironment.start_local(
            dev_server_existing_path=str(binary), data_converter=plain
        ) as environment,
        Worker(environment.client, task_queue=QUEUE, workflows=[Listener]),
    ):
        yield environment


def outbox_to(temporal: WorkflowEnvironment, call_id: str) -> FactOutbox:
    settings = EngineSettings(
        temporal_address=temporal.client.service_client.config.target_host,
        payload_encryption=False,
    )
    signals = CallSignals(settings, call_id)
    outbox = FactOutbox(signals.deliver, source=FactSource.ATLAS, generation=1)
    outbox.start()
    return outbox


async def test_the_workflow_gets_every_fact_in_order(temporal: WorkflowEnvironment) -> None:
    call_id = new_call_id()
    workflow = await temporal.client.start_workflow(Listener.run, id=call_id, task_queue=QUEUE)
    outbox = outbox_to(temporal, call_id)
    posted = [outbox.post(FactKind.PARTICIPANT_JOINED, {"identity": "x"}) for _ in range(20)]
    await outbox.acknowledged(posted[-1])
    told = await workflow.query(Listener.facts)
    assert [Fact.from_dict(fact) for fact in told] == posted
    await outbox.aclose()


async def test_a_closed_workflow_and_an_unknown_one_acknowledge_too(
    temporal: WorkflowEnvironment,
) -> None:
    closed = new_call_id()
    workflow = await temporal.client.start_workflow(Listener.run, id=closed, task_queue=QUEUE)
    await workflow.signal(Listener.finish)
    await workflow.result()
    for call_id in (closed, new_call_id()):
        outbox = outbox_to(temporal, call_id)
        await outbox.acknowledged(outbox.post(FactKind.USAGE_REPORTED))
        assert outbox.waiting == 0
        await outbox.aclose()


async def test_an_unreachable_temporal_does_not() -> None:
    signals = CallSignals(
        EngineSettings(temporal_address="127.0.0.1:9", payload_encryption=False), "call"
    )
    outbox = FactOutbox(signals.deliver, source=FactSource.ATLAS, generation=1)
    with pytest.raises((RPCError, RuntimeError)):
        await signals.deliver([outbox.post(FactKind.AGENT_READY)])
