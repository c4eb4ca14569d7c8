"""The story's steps as calls of activities: each with its summary in words and its options."""

from __future__ import annotations

import dataclasses
from typing import Any, TypeVar

from temporalio import workflow

from contract.calls import CallRequest, Direction
from contract.identity import AgentRole, agent_identity
from contract.recordings import EgressSeen
from contract.rooms import AtlasRpc, Gate, Opening
from contract.steps import (
    AgentOrder,
    AssistantChosen,
    BillSettled,
    ChooseAssistant,
    CloseRoom,
    DispatchAgent,
    EgressById,
    InRoom,
    OpenRoom,
    RecordingVerified,
    RoomOpened,
    SettleBill,
    StartEgress,
    Step,
    TellAtlas,
    VerifyRecording,
    WriteRecord,
    WriteRecording,
)
from workflows import options
from workflows.call_state import CallState

T = TypeVar("T")


async def choose_assistant(request: CallRequest) -> CallRequest:
    agent_id = await _do(
        Step.READ_ROOM_METADATA,
        request.room_name,
        str,
        "Read who should answer from the room's metadata",
        options.READ_ROOM,
    )
    chosen = await _do(
        Step.CHOOSE_ASSISTANT,
        ChooseAssistant(request.call_id, agent_id),
        AssistantChosen,
        "Choose the assistant",
        options.READ_ROOM,
    )
    return dataclasses.replace(
        request,
        assistant_id=chosen.assistant_id,
        tenant_id=chosen.tenant_id,
        record=chosen.record,
        language=request.language or chosen.language,
        max_duration_seconds=chosen.max_duration_seconds,
    )


async def open_room(state: CallState) -> RoomOpened:
    request = state.request
    return await _do(
        Step.OPEN_ROOM,
        OpenRoom(
            call_id=request.call_id,
            room_name=request.room_name,
            assistant_id=_assistant(request),
            agents=tuple(AgentOrder(role=role, generation=1) for role in AgentRole),
            gate=gate_of(request),
            human_identity=request.human_identity,
            language=request.language,
            adopted=request.adopted,
        ),
        RoomOpened,
        "Send both agents into the room" if request.adopted else "Open the room with both agents",
        options.OPEN_ROOM,
    )


async def dispatch_agent(state: CallState, role: AgentRole) -> None:
    request, post = state.request, state.agents[role]
    opening = Opening.RESUME if state.opening_started else Opening.FIRST
    await _do(
        Step.DISPATCH_AGENT,
        DispatchAgent(
            call_id=request.call_id,
            room_name=request.room_name,
            assistant_id=_assistant(request),
            agent=AgentOrder(role=role, generation=post.generation, opening=opening),
            generations={role.value: each.generation for role, each in state.agents.items()},
            gate=gate_of(request),
            human_identity=request.human_identity,
            language=request.language,
        ),
        type(None),
        f"Send {role.display_name} in again (generation {post.generation})",
        options.DISPATCH_AGENT,
    )


async def remove_participant(state: CallState, identity: str) -> None:
    await _do(
        Step.REMOVE_PARTICIPANT,
        InRoom(state.request.room_name, identity),
        type(None),
        f"Remove {identity}, which was replaced",
        options.REMOVE_PARTICIPANT,
    )


async def tell_atlas_to_start(state: CallState) -> None:
    await _tell_atlas(
        state, AtlasRpc.START, {}, "Tell Atlas that the call is answered", options.TELL_ATLAS
    )


async def tell_atlas_to_end(state: CallState) -> None:
    await _tell_atlas(
        state, AtlasRpc.END, {"farewell": None}, "Tell Atlas to end", options.TELL_ATLAS_TO_END
    )


async def close_room(state: CallState) -> None:
    await _do(
        Step.CLOSE_ROOM,
        CloseRoom(state.request.room_name, state.room_sid, state.request.call_id),
        type(None),
        "Close the room",
        options.CLOSE_ROOM,
    )


async def write_record(update: WriteRecord, summary: str) -> None:
    await _do(Step.WRITE_RECORD, update, type(None), summary, options.WRITE_RECORD)


async def settle_bill(state: CallState, usage_complete: bool) -> BillSettled:
    request = state.request
    return await _do(
        Step.SETTLE_BILL,
        SettleBill(
            call_id=request.call_id,
            tenant_id=request.tenant_id,
            direction=request.direction,
            provider=request.provider,
            answered_at=state.answered_at,
            ended_at=state.ended_at or workflow.now(),
            settled_at=workflow.now(),
            usage=state.usage_items,
            usage_complete=usage_complete,
        ),
        BillSettled,
        "Settle the bill",
        options.SETTLE_BILL,
    )


# --- Recording -----------------------------------------------------------------------------------


async def start_egress(call_id: str, room_name: str, attempt: int) -> EgressSeen:
    return await _do(
        Step.START_EGRESS,
        StartEgress(call_id=call_id, room_name=room_name, attempt=attempt),
        EgressSeen,
        f"Start recording, attempt {attempt}",
        options.START_EGRESS,
    )


async def find_egress(call_id: str, room_name: str, attempt: int) -> EgressSeen:
    return await _do(
        Step.FIND_EGRESS,
        StartEgress(call_id=call_id, room_name=room_name, attempt=attempt),
        EgressSeen,
        "Look whether a start with a lost answer worked",
        options.LOOK_AT_EGRESS,
    )


async def stop_egress(egress_id: str, room_name: str) -> EgressSeen:
    return await _do(
        Step.STOP_EGRESS,
        EgressById(egress_id, room_name),
        EgressSeen,
        "Stop recording",
        options.STOP_EGRESS,
    )


async def look_at_egress(egress_id: str, room_name: str) -> EgressSeen:
    return await _do(
        Step.LOOK_AT_EGRESS,
        EgressById(egress_id, room_name),
        EgressSeen,
        "Ask Egress how the recording is doing",
        options.LOOK_AT_EGRESS,
    )


async def await_egress_end(egress_id: str, room_name: str) -> EgressSeen:
    return await _do(
        Step.AWAIT_EGRESS_END,
        EgressById(egress_id, room_name),
        EgressSeen,
        "Wait until Egress has uploaded the recording",
        options.AWAIT_EGRESS_END,
    )


async def verify_recording(call_id: str, egress: EgressSeen) -> RecordingVerified:
    return await _do(
        Step.VERIFY_RECORDING,
        VerifyRecording(call_id=call_id, egress=egress),
        RecordingVerified,
        "Check the recording in the object store",
        options.VERIFY_RECORDING,
    )


async def write_recording(update: WriteRecording, summary: str) -> None:
    await _do(Step.WRITE_RECORDING, update, type(None), summary, options.WRITE_RECORD)


# --- Common to all -------------------------------------------------------------------------------


async def _tell_atlas(
    state: CallState,
    method: AtlasRpc,
    payload: dict[str, Any],
    summary: str,
    config: workflow.ActivityConfig,
) -> None:
    await _do(
        Step.TELL_ATLAS,
        TellAtlas(
            room_name=state.request.room_name,
            identity=agent_identity(AgentRole.ATLAS, state.atlas.generation),
            method=method.value,
            payload=payload,
        ),
        type(None),
        summary,
        config,
    )


async def _do(
    step: Step,
    what: object,
    answer: type[T],
    summary: str,
    config: workflow.ActivityConfig,
) -> T:
    full: workflow.ActivityConfig = {**config, "summary": summary}
    answered: T = await workflow.execute_activity(step.value, what, result_type=answer, **full)
    return answered


def gate_of(request: CallRequest) -> Gate:
    """What lets Atlas speak in this call."""
    return Gate.CALLER_ACTIVE if request.direction is Direction.WEB else Gate.START_RPC


def _assistant(request: CallRequest) -> str:
    assert request.assistant_id is not None, "the assistant is found before anything else"
    return request.assistant_id
