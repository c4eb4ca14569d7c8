"""What the workflow of a call left behind is finished: truthfully, once, and by nobody else."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
import pytest_asyncio
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.exceptions import ApplicationError
from temporalio.worker import Worker

from contract.calls import CallRequest, CallStatus, Provider, RecordingStatus
from contract.endings import CallEnding, EndedBy, EndedReason
from contract.facts import Fact, FactKind, ParticipantKind, ParticipantSeen
from contract.identity import (
    AgentRole,
    agent_identity,
    finishing_workflow_id,
    new_call_id,
    recording_workflow_id,
)
from contract.janitor import CallToFinish, CutOff, FinishReport, LeftBehind
from contract.phone import PhoneSeen
from contract.recordings import (
    EgressSeen,
    EgressStatus,
    RecordingReport,
    RecordingRequest,
    RecordingRetry,
)
from contract.steps import RecordingRescued, RecordingVerified, SettleBill, Step, WriteRecord
from tests.workflows.left_behind import Left
from tests.workflows.phone import Phone
from tests.workflows.saved_histories import save_histories
from tests.workflows.world import World
from workflows.finishing import FinishCallWorkflow
from workflows.janitor import JanitorWorkflow
from workflows.recording import RecordingWorkflow
from workflows.sandbox import our_sandbox

pytestmark = [pytest.mark.stack, pytest.mark.asyncio(loop_scope="session")]


class Janitor:
    """A world whose calls' own workflows are gone."""

    def __init__(self, client: Client, task_queue: str) -> None:
        self._client = client
        self._task_queue = task_queue
        self.world = World(client)
        self.phone = self.world.phone = Phone(self.world, f"dialling-{task_queue}")
        self.left = Left()

    def phone_call(self, **changes: Any) -> CallRequest:
        return self.phone.request(**changes)

    def answered(self, second: float) -> Fact:
        return self.world.fact(FactKind.ANSWERED, at=self.left.at(second))

    def caller_joined(self, second: float) -> Fact:
        return self.world.caller_joins(at=self.left.at(second))

    async def finish(self, call: CallToFinish) -> FinishReport:
        return await self._client.execute_workflow(
            FinishCallWorkflow.run,
            call,
            id=finishing_workflow_id(call.call_id),
            task_queue=self._task_queue,
        )

    async def go_round(self, found: LeftBehind) -> None:
        self.left.looks.append(found)
        await self._client.execute_workflow(
            JanitorWorkflow.run, id=f"round-{new_call_id()}", task_queue=self._task_queue
        )

    @property
    def record(self) -> WriteRecord:
        (record,) = self.world.records
        return record

    @property
    def bill(self) -> SettleBill:
        (bill,) = self.world.orders(Step.SETTLE_BILL)
        return bill

    @property
    def lines(self) -> list[str]:
        return [entry.kind for entry in self.record.entries]


@pytest_asyncio.fixture(loop_scope="session")
async def janitor(
    client: Client, task_queue: str, request: pytest.FixtureRequest
) -> AsyncIterator[Janitor]:
    janitor = Janitor(client, task_queue)
    left = janitor.left
    async with Worker(
        client,
        task_queue=task_queue,
        workflows=[FinishCallWorkflow, JanitorWorkflow, RecordingWorkflow],
        activities=[
            *janitor.world.activities,
            *janitor.phone.activities,
            left.look_for_what_is_left,
            left.read_what_is_left,
        ],
        workflow_runner=our_sandbox(),
    ):
        yield janitor
        if os.environ.get("SAVE_HISTORIES"):
            await save_histories(client, task_queue, request.node.name)


def ended(record: WriteRecord) -> tuple[EndedReason, EndedBy]:
    assert record.ending is not None
    return record.ending.reason, record.ending.ended_by


TERMINATED = (EndedReason.OPERATOR_TERMINATED, EndedBy.OPERATOR)


async def test_a_terminated_web_call_is_ended_when_its_room_is_closed(janitor: Janitor) -> None:
    """The caller is still there: they talk on with Atlas, and pay for it, until the room closes."""
    request = janitor.world.request(record=True)
    janitor.world.found_egress = EgressSeen(egress_id="EG_1", status=EgressStatus.ACTIVE)
    call = janitor.left.call(request, janitor.caller_joined(2), why="by mistake", by="op@desk")
    report = await janitor.finish(call)
    record, bill = janitor.record, janitor.bill
    assert ended(record) == TERMINATED
    assert record.ending is not None
    assert record.ending.detail == "The call's workflow was terminated in Temporal: by mistake."
    assert (record.status, record.answered_at) == (CallStatus.ENDED, janitor.left.at(2))
    assert record.ended_at is not None
    assert record.ended_at > janitor.left.at(60)
    assert (bill.answered_at, bill.ended_at) == (record.answered_at, record.ended_at)
    assert report.talk_seconds == record.talk_seconds > 58
    assert janitor.lines == ["cut_off", "ended"]
    assert record.entries[0].at == janitor.left.at(60)
    assert record.entries[0].data == {"how": "terminated"}  # by whom is not the tenant's to know
    # Egress has all the audio before the room goes.
    steps = janitor.world.steps()
    assert steps.index(Step.STOP_EGRESS) < steps.index(Step.CLOSE_ROOM)


async def test_a_caller_who_has_left_pays_up_to_the_last_sign_of_them(janitor: Janitor) -> None:
    janitor.phone.seen = PhoneSeen(is_there=False)
    request = janitor.world.request()
    call = janitor.left.call(request, janitor.caller_joined(2), last_heard_at=janitor.left.at(65))
    report = await janitor.finish(call)
    assert report.talk_seconds == 63
    assert janitor.record.ended_at == janitor.bill.ended_at == janitor.left.at(65)


async def test_a_phone_is_hung_up_and_billed_as_its_bridge_says(janitor: Janitor) -> None:
    janitor.phone.begin = janitor.left.begin
    janitor.phone.was_picked_up(5)
    call = janitor.left.call(janitor.phone_call(), janitor.answered(5))
    report = await janitor.finish(call)
    assert [told.method for told in janitor.world.orders(Step.TELL_PHONE)] == ["phone.hangup"]
    assert ended(janitor.record) == TERMINATED
    assert report.talk_seconds == 25  # the bridge hung up at its second 30


async def test_a_phone_whose_bridge_is_dead_is_removed_from_the_room(janitor: Janitor) -> None:
    janitor.phone.lives = False
    call = janitor.left.call(janitor.phone_call(), janitor.answered(5))
    report = await janitor.finish(call)
    assert report.talk_seconds == 55  # up to the cut: its participant says nothing of the phone
    removed = janitor.world.orders(Step.REMOVE_PARTICIPANT)
    assert [who.identity for who in removed] == ["phone"]
    assert ended(janitor.record) == TERMINATED


async def test_a_phone_over_livekit_sip_is_put_out(janitor: Janitor) -> None:
    janitor.phone.begin = janitor.left.begin
    request = janitor.phone_call(provider=Provider.LIVEKIT_SIP)
    report = await janitor.finish(janitor.left.call(request, janitor.answered(5)))
    assert Step.PUT_OUT_PHONE in janitor.world.steps()
    assert Step.TELL_PHONE not in janitor.world.steps()
    assert ended(janitor.record) == TERMINATED
    assert report.talk_seconds == 25


async def test_a_phone_that_still_rings_costs_nothing(janitor: Janitor) -> None:
    ringing = janitor.world.fact(FactKind.RINGING, at=janitor.left.at(50))
    report = await janitor.finish(janitor.left.call(janitor.phone_call(), ringing))
    assert [told.method for told in janitor.world.orders(Step.TELL_PHONE)] == ["phone.hangup"]
    assert (janitor.bill.answered_at, report.talk_seconds) == (None, 0)
    assert ended(janitor.record) == TERMINATED


async def test_who_hung_up_before_the_cut_ended_the_call(janitor: Janitor) -> None:
    """Only the wrap-up was cut off: the ending is the true one, and the timeline tells both."""
    phone = janitor.phone
    phone.begin, phone.is_there = janitor.left.begin, False
    phone.was_picked_up(5)
    hung_up = phone.end(phone.report("bye", "them", 40))
    report = await janitor.finish(
        janitor.left.call(janitor.phone_call(), janitor.answered(5), hung_up)
    )
    assert ended(janitor.record) == (EndedReason.CALLEE_HUNG_UP, EndedBy.CALLEE)
    assert report.talk_seconds == 35
    assert Step.TELL_PHONE not in janitor.world.steps()
    assert janitor.lines == ["cut_off", "ended"]


async def test_usage_that_was_reported_is_billed(janitor: Janitor) -> None:
    world, at = janitor.world, janitor.left.at(3)
    opens = world.of_agent(AgentRole.ATLAS, 1, FactKind.OPENING_STARTED)
    item = {
        "what": "llm",
        "provider": "groq",
        "model": "m",
        "quantity": "12",
        "unit": "input_tokens",
    }
    used = world.of_agent(AgentRole.ATLAS, 1, FactKind.USAGE_REPORTED, items=[item])
    request = world.request(transcribe=True)
    joined = world.caller_joins(at=at)
    await janitor.finish(janitor.left.call(request, joined, opens, used))
    assert [each.quantity for each in janitor.bill.usage] == ["12"]
    assert (
        not janitor.bill.usage_complete
    )  # Media Bot transcribed, and its report has nowhere to go


async def test_an_atlas_that_opened_after_the_cut_has_used_something(janitor: Janitor) -> None:
    """Facts to a closed workflow are refused: nobody knows that it did, but it was about to."""
    ready = janitor.world.of_agent(AgentRole.ATLAS, 1, FactKind.AGENT_READY)
    call = janitor.left.call(janitor.world.request(), ready, janitor.caller_joined(59))
    await janitor.finish(call)
    assert janitor.bill.usage_missing == ("atlas-1",)


@pytest.mark.parametrize("role", AgentRole)
async def test_a_successor_is_billed_as_the_first_one_is(janitor: Janitor, role: AgentRole) -> None:
    """The first one told what it used when it failed; its successor talked on until the cut."""
    left, world = janitor.left, janitor.world

    def tells(generation: int, second: float, kind: FactKind, **data: Any) -> Fact:
        return replace(world.of_agent(role, generation, kind, **data), at=left.at(second))

    def joins(generation: int, second: float) -> Fact:
        who = ParticipantSeen(
            identity=agent_identity(role, generation),
            sid=f"PA_{generation}",
            participant_kind=ParticipantKind.AGENT,
        )
        return world.fact(FactKind.PARTICIPANT_JOINED, at=left.at(second), data=who.to_data())

    atlas_opens = world.of_agent(AgentRole.ATLAS, 1, FactKind.OPENING_STARTED)
    told = [
        joins(1, 1),
        tells(1, 1.5, FactKind.AGENT_READY),
        janitor.caller_joined(2),
        atlas_opens,
        tells(1, 19, FactKind.USAGE_REPORTED, items=[]),
        tells(1, 20, FactKind.AGENT_FAILED, error="It broke."),
        joins(2, 23),
        tells(2, 24, FactKind.AGENT_READY),
    ]
    transcribes = role is AgentRole.MEDIA_BOT
    await janitor.finish(janitor.left.call(world.request(transcribe=transcribes), *told))
    assert janitor.bill.usage_missing == (agent_identity(role, 2),)
    first, second = (stay for stay in janitor.bill.agents if stay.role is role)
    assert (first.generation, first.since, first.until) == (1, left.at(1), left.at(20))
    assert (second.generation, second.since, second.until) == (2, left.at(23), None)


@pytest.mark.parametrize(
    ("how", "reason", "by"),
    [
        (CutOff.FAILED, EndedReason.PLATFORM_ERROR, EndedBy.PLATFORM),
        (CutOff.TIMED_OUT, EndedReason.PLATFORM_ERROR, EndedBy.PLATFORM),
        (CutOff.CANCELLED, EndedReason.CANCELLED, EndedBy.OPERATOR),
        (CutOff.NEVER_STARTED, EndedReason.CANCELLED, EndedBy.PLATFORM),
    ],
    ids=["failed", "timed_out", "cancelled", "never_started"],
)
async def test_each_cut_has_its_ending(
    janitor: Janitor, how: CutOff, reason: EndedReason, by: EndedBy
) -> None:
    call = janitor.left.call(janitor.world.request(), how=how)
    await janitor.finish(call)
    assert ended(janitor.record) == (reason, by)
    assert janitor.record.entries[0].data["how"] == how.value
    assert (janitor.record.talk_seconds, janitor.bill.answered_at) == (0, None)


async def test_a_record_that_is_written_keeps_its_ending(janitor: Janitor) -> None:
    """Cut off between the record and the bill."""
    at = janitor.left.at
    over = CallEnding(EndedReason.CALLER_HUNG_UP, EndedBy.CALLER, "The caller left the room.")
    known: dict[str, datetime] = {"answered_at": at(2), "ended_at": at(59)}
    request = janitor.world.request()
    await janitor.finish(janitor.left.call(request, ending=over, **known))
    assert (janitor.bill.answered_at, janitor.bill.ended_at) == (at(2), at(59))
    assert janitor.lines == ["cut_off"]
    assert Step.LOOK_FOR_PHONE not in janitor.world.steps()
    assert Step.CLOSE_ROOM in janitor.world.steps()


async def test_a_call_that_is_not_cut_off_is_left_alone(janitor: Janitor) -> None:
    request = janitor.world.request()
    call = CallToFinish(call_id=request.call_id, tenant_id=request.tenant_id, assistant_id="demo")
    report = await janitor.finish(call)
    assert not report.finished
    assert janitor.world.asked == []


async def test_a_room_that_an_agent_opened_anew_is_closed_as_well(janitor: Janitor) -> None:
    await janitor.finish(janitor.left.call(janitor.world.request()))
    assert janitor.world.steps().count(Step.CLOSE_ROOM) == 2
    assert janitor.world.steps()[-1] is Step.CLOSE_ROOM


async def test_a_round_has_each_call_finished_once_at_a_time(
    janitor: Janitor, client: Client
) -> None:
    """A call that is found again while it is being finished keeps no other waiting."""
    first = janitor.left.call(janitor.world.request())
    second = janitor.left.call(janitor.world.request())
    await janitor.go_round(LeftBehind(calls=(first, first, second)))
    for call in (first, second):
        finishing = client.get_workflow_handle(
            finishing_workflow_id(call.call_id), result_type=FinishReport
        )
        assert (await finishing.result()).finished
    assert sorted(bill.call_id for bill in janitor.world.orders(Step.SETTLE_BILL)) == sorted(
        [first.call_id, second.call_id]
    )


async def test_a_call_that_is_found_again_is_finished_again_in_the_same_words(
    janitor: Janitor, client: Client
) -> None:
    """As after a finishing that was itself cut off: what was done already is asked for as before,
    so the store and the ledger find it done."""
    call = janitor.left.call(
        janitor.world.request(), janitor.caller_joined(2), last_heard_at=janitor.left.at(65)
    )
    janitor.phone.seen = PhoneSeen(is_there=False)
    for times in (1, 2):
        await janitor.go_round(LeftBehind(calls=(call,)))
        await client.get_workflow_handle(finishing_workflow_id(call.call_id)).result()
        assert janitor.world.steps().count(Step.SETTLE_BILL) == times
    first, second = janitor.world.orders(Step.SETTLE_BILL)
    assert (first.answered_at, first.ended_at) == (second.answered_at, second.ended_at)
    numbers = [
        [(entry.source, entry.source_seq, entry.kind) for entry in record.entries]
        for record in janitor.world.records
    ]
    assert numbers == [[("janitor", 1, "cut_off"), ("janitor", 2, "ended")]] * 2


async def test_a_round_that_cannot_look_leaves_everybody_alone(
    janitor: Janitor, client: Client
) -> None:
    janitor.left.look_error = ApplicationError("Temporal is away.")
    await janitor.go_round(LeftBehind())
    assert janitor.world.asked == []


@pytest.mark.parametrize(
    ("egress", "status"),
    [
        (EgressSeen(egress_id="EG_1", status=EgressStatus.ACTIVE), RecordingStatus.READY),
        (EgressSeen(egress_id="", status=EgressStatus.UNKNOWN), RecordingStatus.LOST),
    ],
    ids=["still_records", "nothing_there"],
)
async def test_a_recording_whose_workflow_was_cut_off_is_brought_to_an_end(
    janitor: Janitor, client: Client, egress: EgressSeen, status: RecordingStatus
) -> None:
    janitor.world.found_egress = egress
    call_id = new_call_id()
    left = RecordingRequest(
        call_id=call_id, tenant_id="default", room_name=call_id, left_behind=True, attempts=1
    )
    await janitor.go_round(LeftBehind(recordings=(left,)))
    recording = client.get_workflow_handle(
        recording_workflow_id(call_id), result_type=RecordingReport
    )
    report = await recording.result()
    assert (report.status, report.attempts) == (status, 1)
    assert Step.START_EGRESS not in janitor.world.steps()
    lines = [entry for written in janitor.world.recordings for entry in written.entries]
    assert lines[0].kind == "cut_off"
    assert lines[0].source.startswith("recording/left_behind/")
    assert (await recording.describe()).status is WorkflowExecutionStatus.COMPLETED


@pytest.mark.parametrize(
    "egress",
    [EgressStatus.COMPLETE, EgressStatus.ABORTED, EgressStatus.UNKNOWN],
    ids=["its_last_file_is_sound", "its_last_start_never_began", "egress_has_forgotten_it"],
)
async def test_a_recording_that_was_begun_twice_is_not_judged_by_its_last_file_alone(
    janitor: Janitor, client: Client, egress: EgressStatus
) -> None:
    """What is in the other file, and what between them, only those know who look for all."""
    janitor.world.found_egress = EgressSeen(egress_id="EG_2", status=egress)
    call_id = new_call_id()
    left = RecordingRequest(
        call_id=call_id,
        tenant_id="default",
        room_name=call_id,
        left_behind=True,
        attempts=2,
        began_anew=True,
    )
    await janitor.go_round(LeftBehind(recordings=(left,)))
    told = await janitor.world.until_recording(RecordingStatus.NEEDS_ATTENTION)
    assert told.detail.startswith("It was begun more than once before its workflow was cut off")
    earlier = RecordingVerified(
        object_key=f"recordings/{call_id}/1.ogg", size_bytes=9, duration_seconds=7.0, sha256="1"
    )
    janitor.world.rescues = [RecordingRescued(files=(earlier,))]
    answer = await client.get_workflow_handle(recording_workflow_id(call_id)).execute_update(
        "retry", RecordingRetry(by="ops", reason="All files."), result_type=RecordingReport
    )
    assert answer.status is RecordingStatus.READY
    assert answer.detail.startswith("The recording is whole: 7.0 s. It was begun more than once")
