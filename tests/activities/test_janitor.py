"""Who is found to be cut off, with real Temporal and store; workflows that nobody carries on."""

from __future__ import annotations

import sys
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from temporalio import workflow
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError
from temporalio.testing import ActivityEnvironment, WorkflowEnvironment
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from activities.janitor import JanitorActivities
from activities.schedules import schedule_janitor
from contract.calls import CallRequest, CallStatus, Direction, Provider, RecordingStatus
from contract.endings import CallEnding, EndedBy, EndedReason
from contract.facts import FACT_SIGNAL, FACTS_SIGNAL, Fact, FactKind, FactSource
from contract.identity import new_call_id, recording_workflow_id
from contract.janitor import (
    JANITOR_SCHEDULE_ID,
    NOT_CUT_OFF_ERROR,
    CallLeft,
    CutOff,
    LeftBehind,
)
from contract.phone import PhoneOrder
from contract.steps import WriteRecord, WriteRecording
from engine.call_signals import CallSignals
from engine.settings import EngineSettings
from store.calls import Calls, NewCall
from store.database import Database
from store.ledger import Ledger
from store.recordings import Recordings
from store.transcripts import Transcripts, Turn
from tests.e2e.faults.waiting import eventually

pytestmark = [pytest.mark.stack, pytest.mark.asyncio(loop_scope="module")]

TEMPORAL = Path(sys.executable).with_name("temporal")
# Whoever has a client needs no address.
UNUSED = EngineSettings(temporal_address="unused", payload_encryption=False)
OVER = CallEnding(EndedReason.CALLER_HUNG_UP, EndedBy.CALLER, "The caller left.")


@dataclass
class Premises:
    """A store, a namespace, and the janitor between them."""

    temporal: Client
    database: Database

    @property
    def janitor(self) -> JanitorActivities:
        return JanitorActivities(self.database, self.temporal)

    async def row(self, age: float = 0.0, **fields: Any) -> str:
        call_id = new_call_id()
        values: dict[str, Any] = {
            "call_id": call_id,
            "tenant_id": "acme",
            "direction": Direction.WEB,
            "provider": Provider.WEB,
            "room_name": call_id,
            "started_at": datetime.now(UTC) - timedelta(seconds=age),
        }
        async with self.database.session() as session:
            await Calls(session).insert(NewCall(**(values | fields)))
        return call_id

    async def write(self, call_id: str, **news: Any) -> None:
        async with self.database.session() as session:
            await Calls(session).write(WriteRecord(call_id=call_id, **news))

    async def talk(self, **request: Any) -> tuple[str, WorkflowHandle[Any, Any]]:
        """A call in its talk, and its workflow."""
        call_id = await self.row()
        handle = await self.start(call_id, **request)
        await self.write(call_id, status=CallStatus.IN_PROGRESS, answered_at=datetime.now(UTC))
        return call_id, handle

    async def start(
        self, call_id: str, task_queue: str = "nobody", **request: Any
    ) -> WorkflowHandle[Any, Any]:
        values: dict[str, Any] = {
            "call_id": call_id,
            "tenant_id": "acme",
            "direction": Direction.WEB,
            "provider": Provider.WEB,
            "room_name": call_id,
            "requested_at": datetime.now(UTC),
        }
        given = CallRequest(**(values | request))
        return await self.temporal.start_workflow(
            "CallWorkflow", given, id=call_id, task_queue=task_queue
        )

    async def end(self, call_id: str, *, billed: bool) -> None:
        await self.write(call_id, status=CallStatus.ENDED, ended_at=datetime.now(UTC), ending=OVER)
        if billed:
            async with self.database.session() as session:
                await Ledger(session).settle(call_id, "acme", "0", "USD", False, [])

    async def look(self) -> LeftBehind:
        return await ActivityEnvironment().run(self.janitor.look_for_what_is_left)

    async def found(self) -> list[str]:
        return [call.call_id for call in (await self.look()).calls]

    async def finds(self, *call_ids: str) -> None:
        """Temporal's list runs a moment behind."""

        async def look() -> bool:
            return set(call_ids) <= set(await self.found())

        await eventually(look, 10, f"not found: {call_ids}")

    async def read(self, call_id: str) -> CallLeft:
        return await ActivityEnvironment().run(self.janitor.read_what_is_left, call_id)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server() -> AsyncIterator[WorkflowEnvironment]:
    async with await WorkflowEnvironment.start_local(
        dev_server_existing_path=str(TEMPORAL), data_converter=pydantic_data_converter
    ) as env:
        yield env


@pytest_asyncio.fixture(loop_scope="module")
async def premises(server: WorkflowEnvironment, tmp_path: Path) -> AsyncIterator[Premises]:
    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'calls.db'}")
    await database.migrate()
    yield Premises(server.client, database)
    await database.aclose()


async def test_who_was_terminated_is_found_and_who_runs_is_not(premises: Premises) -> None:
    terminated, handle = await premises.talk()
    running, _ = await premises.talk()
    await handle.terminate(reason="by mistake")
    await premises.finds(terminated)
    assert await premises.found() == [terminated]
    assert running not in await premises.found()


async def test_what_only_lacks_its_bill_is_found_until_it_has_one(premises: Premises) -> None:
    """Terminated within its wrap-up; and one whose wrap-up was done is not found at all."""
    unbilled, first = await premises.talk()
    finished, second = await premises.talk()
    await premises.end(unbilled, billed=False)
    await premises.end(finished, billed=True)
    await first.terminate()
    await second.terminate()
    await premises.finds(unbilled)
    assert await premises.found() == [unbilled]
    await premises.end(unbilled, billed=True)
    assert await premises.found() == []


async def test_a_row_that_never_started_is_found_once_it_is_old(premises: Premises) -> None:
    old, young = await premises.row(age=120), await premises.row(age=5)
    assert await premises.found() == [old]
    assert (await premises.read(old)).how is CutOff.NEVER_STARTED
    with pytest.raises(ApplicationError) as refused:
        await premises.read(young)
    assert refused.value.type == NOT_CUT_OFF_ERROR


async def test_a_call_that_another_namespace_carries_is_left_alone(premises: Premises) -> None:
    """Here nobody knows its workflow, but the row shows that there is, or was, one."""
    talking = await premises.row(age=300)
    await premises.write(talking, status=CallStatus.IN_PROGRESS)
    assert await premises.found() == []
    with pytest.raises(ApplicationError) as refused:
        await premises.read(talking)
    assert refused.value.type == NOT_CUT_OFF_ERROR


async def test_a_namespace_that_does_not_answer_is_no_proof(premises: Premises) -> None:
    """Temporal says NOT_FOUND of a namespace as it does of a workflow."""
    await premises.row(age=300)
    lost = await Client.connect(
        premises.temporal.service_client.config.target_host,
        namespace=f"lost-{uuid.uuid4().hex[:8]}",
        data_converter=pydantic_data_converter,
    )
    with pytest.raises(RPCError):
        await Premises(lost, premises.database).look()


async def test_the_history_of_a_terminated_phone_call_is_read(premises: Premises) -> None:
    """Whom it called, what it was told, by whom and why it was terminated."""
    phone = PhoneOrder(trunk_id="mumbai", to_number="+919876500100")
    call_id, handle = await premises.talk(phone=phone, transcribe=True)
    answered = _fact("F1", FactKind.ANSWERED)
    cancelled = _fact("F3", FactKind.CANCEL_REQUESTED)
    ended = _fact("F4", FactKind.LEG_ENDED)
    # As agents and bridges tell theirs.
    bridge = CallSignals(UNUSED, call_id, client=premises.temporal)
    await bridge.deliver([answered, _fact("F2", FactKind.QUALITY)])
    await handle.signal(FACTS_SIGNAL, ["nonsense", cancelled.to_dict()])
    await handle.signal(FACTS_SIGNAL, "nonsense")
    # As the API and LiveKit's webhooks do.
    await handle.signal(FACT_SIGNAL, ended.to_dict())
    await handle.signal(FACT_SIGNAL, {"id": "nonsense"})
    await handle.terminate(reason="by mistake")
    left = await premises.read(call_id)
    assert (left.how, left.why) == (CutOff.TERMINATED, "by mistake")
    assert left.by
    assert (left.request.phone, left.request.transcribe) == (phone, True)
    assert [Fact.from_dict(raw) for raw in left.facts] == [answered, cancelled, ended]
    assert left.last_heard_at == left.cut_off_at
    assert abs(datetime.now(UTC) - left.cut_off_at) < timedelta(seconds=60)


@workflow.defn(name="CallWorkflow")
class Fails:
    @workflow.run
    async def run(self, request: CallRequest) -> None:
        raise ApplicationError("The seventh seal is broken.")


async def test_a_workflow_that_failed_tells_in_its_own_words(premises: Premises) -> None:
    call_id = await premises.row()
    async with Worker(
        premises.temporal,
        task_queue=call_id,
        workflows=[Fails],
        workflow_runner=UnsandboxedWorkflowRunner(),
    ):
        handle = await premises.start(call_id, task_queue=call_id)
        with pytest.raises(WorkflowFailureError):
            await handle.result()
    await premises.finds(call_id)
    left = await premises.read(call_id)
    assert left.how is CutOff.FAILED
    assert "The seventh seal is broken." in left.why


async def test_what_the_human_said_after_the_cut_is_a_sign_of_them(premises: Premises) -> None:
    call_id, handle = await premises.talk()
    await handle.terminate()
    spoke = datetime.now(UTC) + timedelta(seconds=12)
    turns = [
        _turn(call_id, 1, "caller", spoke),
        _turn(call_id, 2, "assistant", spoke + timedelta(seconds=9)),
    ]
    async with premises.database.session() as session:
        await Transcripts(session).add(turns)
    left = await premises.read(call_id)
    assert left.last_heard_at == spoke


async def test_a_recording_whose_workflow_was_terminated_is_found(premises: Premises) -> None:
    """Also one that was not written down yet. Not while its call goes on, not one that was brought
    to its end, and none of a call that was not recorded."""
    calls = [(await premises.talk())[0] for _ in range(5)]
    ended, unwritten, going_on, settled, unrecorded = calls
    for call_id in (ended, going_on, settled):
        status = RecordingStatus.READY if call_id == settled else RecordingStatus.RECORDING
        async with premises.database.session() as session:
            await Recordings(session).write(
                WriteRecording(call_id=call_id, status=status, attempts=2)
            )
    for call_id in (ended, unwritten, going_on, settled):
        recording = await premises.temporal.start_workflow(
            "RecordingWorkflow", id=recording_workflow_id(call_id), task_queue="nobody"
        )
        await recording.terminate()
    for call_id in (ended, unwritten, settled, unrecorded):
        await premises.end(call_id, billed=True)

    async def look() -> bool:
        return len((await premises.look()).recordings) >= 2

    await eventually(look, 10, "the recordings are not found")
    found = (await premises.look()).recordings
    assert [(one.call_id, one.left_behind, one.attempts) for one in found] == [
        (ended, True, 2),
        (unwritten, True, 0),
    ]


async def test_every_worker_may_create_the_schedule_and_a_pause_stays(premises: Premises) -> None:
    temporal = premises.temporal
    await schedule_janitor(temporal, "calls", timedelta(seconds=20))
    schedule = temporal.get_schedule_handle(JANITOR_SCHEDULE_ID)
    try:
        await schedule.pause(note="while we look ourselves")
        await schedule_janitor(temporal, "calls", timedelta(seconds=30))
        described = (await schedule.describe()).schedule
        assert described.state.paused
        assert described.spec.intervals[0].every == timedelta(seconds=30)
    finally:
        await schedule.delete()


def _fact(fact_id: str, kind: FactKind) -> Fact:
    return Fact(id=fact_id, source=FactSource.BRIDGE, kind=kind, at=datetime.now(UTC), generation=1)


def _turn(call_id: str, number: int, speaker: str, until: datetime) -> Turn:
    return Turn(
        call_id=call_id,
        source="atlas",
        source_seq=number,
        speaker=speaker,
        text="Hello.",
        language="en-US",
        start=until - timedelta(seconds=1),
        end=until,
    )
