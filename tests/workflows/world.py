"""A small world around a call's workflow: activities by their real names, and people with facts."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from temporalio import activity
from temporalio.client import Client, WorkflowHandle
from temporalio.common import WorkflowIDReusePolicy
from temporalio.exceptions import ApplicationError

from contract.calls import (
    CallReport,
    CallRequest,
    CallStatus,
    Direction,
    Provider,
    RecordingStatus,
    TimelineEntry,
)
from contract.facts import Fact, FactKind, FactSource, ParticipantKind, ParticipantSeen
from contract.holds import HoldState
from contract.identity import AgentRole, new_call_id
from contract.recordings import EgressSeen, EgressStatus
from contract.rooms import PING_RPC, MediaCommand, MediaPurpose
from contract.steps import (
    CALL_UNKNOWN_ERROR,
    AgentOrder,
    AssistantChosen,
    BillSettled,
    ChooseAssistant,
    CloseRoom,
    DispatchAgent,
    EgressById,
    HoldWritten,
    InRoom,
    MediaWritten,
    OpenRoom,
    RecordingRescued,
    RecordingVerified,
    RescueRecording,
    RoomOpened,
    SettleBill,
    StartEgress,
    Step,
    TellAtlas,
    VerifyRecording,
    WriteHold,
    WriteMedia,
    WriteRecord,
    WriteRecording,
    WriteTranscription,
)

if TYPE_CHECKING:
    from tests.workflows.phone import Phone

_SOURCES = {AgentRole.ATLAS: FactSource.ATLAS, AgentRole.MEDIA_BOT: FactSource.MEDIA_BOT}


class World:
    """What the workflow asks for is written down in `asked`; the attributes say how it goes."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.asked: list[tuple[Step, Any]] = []
        self.records: list[WriteRecord] = []
        self.recordings: list[WriteRecording] = []
        self.deaf_media_bots: set[str] = set()  # identities that cannot be written to
        self.silent_agents: set[str] = set()  # identities that answer no ping
        self.agents_who_come: Callable[[AgentOrder], bool] = lambda order: True
        self.open_room_error: ApplicationError | None = None
        self.egress_errors: list[ApplicationError] = []
        self.egress_end = EgressStatus.COMPLETE
        self.egress_ended_at: datetime | None = None  # told with its end
        self.found_egress = EgressSeen(egress_id="", status=EgressStatus.UNKNOWN)
        self.find_error: ApplicationError | None = None
        self.await_error: ApplicationError | None = None
        self.verify_error: ApplicationError | None = None
        self.stop_error: ApplicationError | None = None
        self.stop_may_go_on: asyncio.Event | None = None
        self.looked_at = EgressStatus.ACTIVE  # what Egress says when it is asked
        self.rescues: list[RecordingRescued | ApplicationError] = []
        self.rescue_may_go_on: asyncio.Event | None = None
        self.room_may_close: asyncio.Event | None = None  # None: LiveKit is there
        self.row_exists = True
        self.transcribes = False  # the assistant that an adopted room gets
        self.human_is_there = True  # in the room, for who writes attributes
        self.phone: Phone
        self._news = asyncio.Event()
        self._numbers = itertools.count(1)
        self._seqs: dict[tuple[str, int], itertools.count[int]] = {}

    # --- What people and agents do ---------------------------------------------------------------

    def request(self, **changes: Any) -> CallRequest:
        call_id = changes.pop("call_id", None) or new_call_id()
        values: dict[str, Any] = {
            "call_id": call_id,
            "tenant_id": "default",
            "direction": Direction.WEB,
            "provider": Provider.WEB,
            "room_name": call_id,
            "requested_at": datetime.now(UTC),
            "assistant_id": "demo",
        }
        return CallRequest(**(values | changes))

    async def start(
        self, request: CallRequest, task_queue: str, *, start_delay: timedelta | None = None
    ) -> WorkflowHandle[Any, CallReport]:
        return await self.client.start_workflow(
            "CallWorkflow",
            request,
            id=request.call_id,
            task_queue=task_queue,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            result_type=CallReport,
            start_delay=start_delay,
        )

    async def tell(self, call_id: str, fact: Fact) -> None:
        await self.client.get_workflow_handle(call_id).signal("fact", fact.to_dict())

    def fact(self, kind: FactKind, source: FactSource = FactSource.LIVEKIT, **fields: Any) -> Fact:
        fields.setdefault("at", datetime.now(UTC))
        return Fact(id=f"F{next(self._numbers)}", source=source, kind=kind, **fields)

    def of_agent(self, role: AgentRole, generation: int, kind: FactKind, **data: Any) -> Fact:
        seqs = self._seqs.setdefault((role.value, generation), itertools.count(1))
        return self.fact(kind, _SOURCES[role], generation=generation, seq=next(seqs), data=data)

    def caller_joins(self, sid: str = "PA_1", **fields: Any) -> Fact:
        return self.fact(FactKind.PARTICIPANT_JOINED, data=_caller(sid), **fields)

    def caller_leaves(
        self, sid: str = "PA_1", why: str = "CLIENT_INITIATED", **fields: Any
    ) -> Fact:
        return self.fact(FactKind.PARTICIPANT_LEFT, data=_caller(sid, why), **fields)

    async def until(self, step: Step, times: int = 1) -> None:
        """Wait until the workflow has asked for this step so many times."""
        async with asyncio.timeout(20):
            while self.steps().count(step) < times:
                self._news.clear()
                await self._news.wait()

    async def until_atlas_told(self, method: str) -> None:
        """Wait until Atlas was told this; other tellings may come before it."""
        async with asyncio.timeout(20):
            while all(each.method != method for each in self.orders(Step.TELL_ATLAS)):
                self._news.clear()
                await self._news.wait()

    async def until_played(self, purpose: MediaPurpose | None, times: int = 1) -> WriteMedia:
        """The order to play that, once it was given so many times; None: to fall silent."""
        command = MediaCommand.STOP if purpose is None else MediaCommand.PLAY
        async with asyncio.timeout(20):
            while True:
                orders: list[WriteMedia] = self.orders(Step.WRITE_MEDIA)
                such = [
                    each for each in orders if (each.command, each.purpose) == (command, purpose)
                ]
                if len(such) >= times:
                    return such[times - 1]
                self._news.clear()
                await self._news.wait()

    def plays(self, kind: FactKind, order: WriteMedia) -> Fact:
        """What Media Bot says of it."""
        purpose = order.purpose.value if order.purpose is not None else ""
        return self.of_agent(
            AgentRole.MEDIA_BOT, 1, kind, command_id=order.command_id, purpose=purpose
        )

    async def until_status(self, status: CallStatus) -> None:
        """Wait until the store was told that the call has this status."""
        async with asyncio.timeout(20):
            while all(record.status is not status for record in self.records):
                self._news.clear()
                await self._news.wait()

    async def until_recording(self, status: RecordingStatus, times: int = 1) -> WriteRecording:
        """What the store was told when the recording came to this status so many times."""
        async with asyncio.timeout(20):
            while True:
                such = [written for written in self.recordings if written.status is status]
                if len(such) >= times:
                    return such[times - 1]
                self._news.clear()
                await self._news.wait()

    def check_row(self) -> None:
        if not self.row_exists:
            raise ApplicationError("no such call", type=CALL_UNKNOWN_ERROR, non_retryable=True)

    def note(self, step: Step, what: object) -> None:
        self.asked.append((step, what))
        self._news.set()

    @property
    def last_steps(self) -> list[Step]:
        """How the call ended, without what was written meanwhile."""
        return [step for step in self.steps() if step is not Step.WRITE_RECORD][-2:]

    def steps(self) -> list[Step]:
        return [step for step, _ in self.asked]

    def orders(self, step: Step) -> list[Any]:
        """What this step was asked for with, each time."""
        return [order for asked, order in self.asked if asked is step]

    @property
    def entries(self) -> list[TimelineEntry]:
        return [entry for record in self.records for entry in record.entries]

    @property
    def statuses(self) -> list[CallStatus]:
        return [record.status for record in self.records if record.status]

    # --- The activities --------------------------------------------------------------------------

    @property
    def activities(self) -> Sequence[Callable[..., Any]]:
        return [
            self.open_room,
            self.read_room_metadata,
            self.choose_assistant,
            self.dispatch_agent,
            self.tell_atlas,
            self.remove_participant,
            self.close_room,
            self.write_record,
            self.write_recording,
            self.settle_bill,
            self.start_egress,
            self.find_egress,
            self.stop_egress,
            self.look_at_egress,
            self.await_egress_end,
            self.verify_recording,
            self.rescue_recording,
            self.write_hold,
            self.write_transcription,
            self.write_media,
        ]

    async def _agent_comes(self, call_id: str, order: AgentOrder) -> None:
        if self.agents_who_come(order):
            ready = self.of_agent(order.role, order.generation, FactKind.AGENT_READY)
            await self.tell(call_id, ready)

    @activity.defn(name=Step.OPEN_ROOM)
    async def open_room(self, order: OpenRoom) -> RoomOpened:
        self.note(Step.OPEN_ROOM, order)
        if self.open_room_error:
            raise self.open_room_error
        for agent in order.agents:
            await self._agent_comes(order.call_id, agent)
        return RoomOpened(room_name=order.room_name, room_sid="RM_1", opened_at=datetime.now(UTC))

    @activity.defn(name=Step.READ_ROOM_METADATA)
    async def read_room_metadata(self, room_name: str) -> str:
        self.note(Step.READ_ROOM_METADATA, room_name)
        return "concierge"

    @activity.defn(name=Step.CHOOSE_ASSISTANT)
    async def choose_assistant(self, wish: ChooseAssistant) -> AssistantChosen:
        self.note(Step.CHOOSE_ASSISTANT, wish)
        return AssistantChosen(
            assistant_id=wish.agent_id,
            tenant_id="default",
            record=False,
            language="en-US",
            max_duration_seconds=600,
            transcribe=self.transcribes,
        )

    @activity.defn(name=Step.DISPATCH_AGENT)
    async def dispatch_agent(self, order: DispatchAgent) -> None:
        self.note(Step.DISPATCH_AGENT, order)
        await self._agent_comes(order.call_id, order.agent)

    @activity.defn(name=Step.TELL_ATLAS)
    async def tell_atlas(self, message: TellAtlas) -> None:
        self.note(Step.TELL_ATLAS, message)
        if message.method == PING_RPC and message.identity in self.silent_agents:
            raise ApplicationError("No answer.", type="livekit-unavailable")

    @activity.defn(name=Step.REMOVE_PARTICIPANT)
    async def remove_participant(self, who: InRoom) -> None:
        self.note(Step.REMOVE_PARTICIPANT, who)

    @activity.defn(name=Step.CLOSE_ROOM)
    async def close_room(self, which: CloseRoom) -> None:
        self.note(Step.CLOSE_ROOM, which)
        if self.room_may_close is not None:
            await self.room_may_close.wait()

    @activity.defn(name=Step.WRITE_RECORD)
    async def write_record(self, update: WriteRecord) -> None:
        self.note(Step.WRITE_RECORD, update)
        self.check_row()
        self.records.append(update)
        self._news.set()

    @activity.defn(name=Step.WRITE_RECORDING)
    async def write_recording(self, update: WriteRecording) -> None:
        self.note(Step.WRITE_RECORDING, update)
        self.recordings.append(update)

    @activity.defn(name=Step.WRITE_HOLD)
    async def write_hold(self, order: WriteHold) -> HoldWritten:
        self.note(Step.WRITE_HOLD, order)
        state = HoldState.parse(order.state)
        assert state is not None
        return HoldWritten(is_there=self.human_is_there, seq=state.seq)

    @activity.defn(name=Step.WRITE_MEDIA)
    async def write_media(self, order: WriteMedia) -> MediaWritten:
        self.note(Step.WRITE_MEDIA, order)
        return MediaWritten(self.human_is_there)

    @activity.defn(name=Step.WRITE_TRANSCRIPTION)
    async def write_transcription(self, order: WriteTranscription) -> None:
        self.note(Step.WRITE_TRANSCRIPTION, order)
        if order.identity in self.deaf_media_bots:
            raise ApplicationError("Not there.", type="livekit-not-found", non_retryable=True)

    @activity.defn(name=Step.SETTLE_BILL)
    async def settle_bill(self, order: SettleBill) -> BillSettled:
        self.note(Step.SETTLE_BILL, order)
        self.check_row()
        return BillSettled("0.000000", "USD", partial=not order.usage_complete)

    @activity.defn(name=Step.START_EGRESS)
    async def start_egress(self, order: StartEgress) -> EgressSeen:
        self.note(Step.START_EGRESS, order)
        if self.egress_errors:
            raise self.egress_errors.pop(0)
        return EgressSeen(egress_id=f"EG_{order.attempt}", status=EgressStatus.STARTING)

    @activity.defn(name=Step.FIND_EGRESS)
    async def find_egress(self, order: StartEgress) -> EgressSeen:
        self.note(Step.FIND_EGRESS, order)
        if self.find_error:
            raise self.find_error
        return self.found_egress

    @activity.defn(name=Step.STOP_EGRESS)
    async def stop_egress(self, which: EgressById) -> EgressSeen:
        self.note(Step.STOP_EGRESS, which)
        if self.stop_may_go_on is not None:
            await self.stop_may_go_on.wait()
        if self.stop_error:
            raise self.stop_error
        return EgressSeen(egress_id=which.egress_id, status=EgressStatus.ENDING)

    @activity.defn(name=Step.LOOK_AT_EGRESS)
    async def look_at_egress(self, which: EgressById) -> EgressSeen:
        self.note(Step.LOOK_AT_EGRESS, which)
        return EgressSeen(egress_id=which.egress_id, status=self.looked_at)

    @activity.defn(name=Step.AWAIT_EGRESS_END)
    async def await_egress_end(self, which: EgressById) -> EgressSeen:
        self.note(Step.AWAIT_EGRESS_END, which)
        if self.await_error:
            raise self.await_error
        return EgressSeen(
            egress_id=which.egress_id,
            status=self.egress_end,
            error="S3 upload failed",
            error_code=400,
            ended_at=self.egress_ended_at,
        )

    @activity.defn(name=Step.VERIFY_RECORDING)
    async def verify_recording(self, what: VerifyRecording) -> RecordingVerified:
        self.note(Step.VERIFY_RECORDING, what)
        if self.verify_error:
            raise self.verify_error
        return RecordingVerified(
            object_key="recordings/x/1.ogg", size_bytes=1000, duration_seconds=5.0, sha256="0" * 64
        )

    @activity.defn(name=Step.RESCUE_RECORDING)
    async def rescue_recording(self, order: RescueRecording) -> RecordingRescued:
        self.note(Step.RESCUE_RECORDING, order)
        if self.rescue_may_go_on is not None:
            await self.rescue_may_go_on.wait()
        found = self.rescues.pop(0) if self.rescues else RecordingRescued(files=())
        if isinstance(found, ApplicationError):
            raise found
        return found


def _caller(sid: str, why: str = "") -> dict[str, Any]:
    return ParticipantSeen(
        identity="caller",
        sid=sid,
        participant_kind=ParticipantKind.STANDARD,
        room_sid="RM_1",
        disconnect_reason=why,
    ).to_data()
