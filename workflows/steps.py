"""The story's steps as calls of activities: each with its summary in words and its options."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from typing import Any, TypeVar

from temporalio import workflow
from temporalio.exceptions import ActivityError

from contract.calls import CallRequest, Direction, Provider
from contract.identity import AgentRole, agent_identity
from contract.rooms import PING_RPC, AtlasRpc, Gate, Opening
from contract.steps import (
    AgentOrder,
    AssistantChosen,
    BillSettled,
    ChooseAssistant,
    CloseRoom,
    DispatchAgent,
    InRoom,
    MediaWritten,
    OpenRoom,
    RoomOpened,
    Step,
    TellAtlas,
    WriteMedia,
    WriteRecord,
    WriteTranscription,
)
from workflows import options
from workflows.call_state import CallState
from workflows.state.agents import AgentPost

T = TypeVar("T")


async def choose_assistant(request: CallRequest) -> CallRequest:
    agent_id = await do(
        Step.READ_ROOM_METADATA,
        request.room_name,
        str,
        "Read who should answer from the room's metadata",
        options.READ_ROOM,
    )
    chosen = await do(
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
        transcribe=chosen.transcribe,
        max_duration_seconds=chosen.max_duration_seconds,
        media=chosen.media,
    )


async def open_room(state: CallState) -> RoomOpened:
    request = state.request
    return await do(
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
            empty_timeout_seconds=_empty_timeout(request),
        ),
        RoomOpened,
        "Send both agents into the room" if request.adopted else "Open the room with both agents",
        options.OPEN_ROOM,
    )


async def dispatch_agent(state: CallState, role: AgentRole) -> None:
    request, post = state.request, state.agents.posts[role]
    opening = Opening.RESUME if state.agents.opening_started else Opening.FIRST
    await do(
        Step.DISPATCH_AGENT,
        DispatchAgent(
            call_id=request.call_id,
            room_name=request.room_name,
            assistant_id=_assistant(request),
            agent=AgentOrder(role=role, generation=post.generation, opening=opening),
            generations={role.value: each.generation for role, each in state.agents.posts.items()},
            gate=gate_of(request),
            human_identity=request.human_identity,
            language=request.language,
        ),
        type(None),
        f"Send {role.display_name} in again (generation {post.generation})",
        options.DISPATCH_AGENT,
    )


async def remove_participant(state: CallState, identity: str) -> None:
    await do(
        Step.REMOVE_PARTICIPANT,
        InRoom(state.request.room_name, identity),
        type(None),
        f"Remove {identity}",
        options.REMOVE_PARTICIPANT,
    )


async def tell_atlas_to_start(state: CallState) -> None:
    await _tell_atlas(
        state, AtlasRpc.START, {}, "Tell Atlas that the call is answered", options.TELL_ATLAS
    )


async def tell_atlas_of_hold(state: CallState, is_held: bool, seq: int) -> None:
    method = AtlasRpc.HOLD if is_held else AtlasRpc.RESUME
    summary = f"Tell Atlas to {'hold' if is_held else 'resume'}"
    await _tell_atlas(state, method, {"seq": seq}, summary, options.TELL_ATLAS_OF_HOLD)


async def write_transcription(
    state: CallState, generation: int, language: str, command_id: str, is_deaf: bool
) -> None:
    await do(
        Step.WRITE_TRANSCRIPTION,
        WriteTranscription(
            room_name=state.request.room_name,
            identity=agent_identity(AgentRole.MEDIA_BOT, generation),
            language=language,
            command_id=command_id,
            is_deaf=is_deaf,
        ),
        type(None),
        "Say in the room that nobody hears" if is_deaf else "Have Media Bot transcribe",
        options.WRITE_TRANSCRIPTION,
    )


async def ping_agent(state: CallState, post: AgentPost) -> bool:
    """Whether it answers."""
    message = TellAtlas(
        room_name=state.request.room_name,
        identity=agent_identity(post.role, post.generation),
        method=PING_RPC,
    )
    if post.role is AgentRole.MEDIA_BOT and state.holds.ours:
        message = dataclasses.replace(message, patience=options.PATIENCE_IN_A_HOLD)
    summary = f"Ask {post.role.display_name} whether it is there"
    try:
        await do(Step.TELL_ATLAS, message, type(None), summary, options.PING_AGENT)
    except ActivityError:
        return False
    return True


async def tell_atlas_to_end(state: CallState) -> None:
    await _tell_atlas(
        state, AtlasRpc.END, {"farewell": None}, "Tell Atlas to end", options.TELL_ATLAS_TO_END
    )


async def write_media(state: CallState, order: WriteMedia, summary: str) -> MediaWritten:
    return await do(Step.WRITE_MEDIA, order, MediaWritten, summary, options.WRITE_MEDIA)


async def close_room(state: CallState) -> None:
    await do(
        Step.CLOSE_ROOM,
        CloseRoom(state.request.room_name, state.room_sid, state.request.call_id),
        type(None),
        "Close the room",
        options.CLOSE_ROOM,
    )


async def write_record(update: WriteRecord, summary: str) -> None:
    await do(Step.WRITE_RECORD, update, type(None), summary, options.WRITE_RECORD)


async def settle_bill(state: CallState, *, knows_holds: bool = True) -> BillSettled:
    order = state.bill_order(workflow.now(), knows_holds=knows_holds)
    return await do(Step.SETTLE_BILL, order, BillSettled, "Settle the bill", options.SETTLE_BILL)


# --- Common to all -------------------------------------------------------------------------------


async def _tell_atlas(
    state: CallState,
    method: AtlasRpc,
    payload: dict[str, Any],
    summary: str,
    config: workflow.ActivityConfig,
) -> None:
    await do(
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


async def do(
    step: Step, what: object, answer: type[T], summary: str, config: workflow.ActivityConfig
) -> T:
    return await start(step, what, answer, summary, config)


def start(
    step: Step, what: object, answer: type[T], summary: str, config: workflow.ActivityConfig
) -> workflow.ActivityHandle[T]:
    full: workflow.ActivityConfig = {**config, "summary": summary}
    asked: workflow.ActivityHandle[T] = workflow.start_activity(
        step.value, what, result_type=answer, **full
    )
    return asked


def gate_of(request: CallRequest) -> Gate:
    """What lets Atlas speak in this call."""
    if request.phone is not None:
        by_livekit = request.provider is Provider.LIVEKIT_SIP
        return Gate.SIP_ACTIVE if by_livekit else Gate.PHONE_ANSWERED
    return Gate.CALLER_ACTIVE if request.direction is Direction.WEB else Gate.START_RPC


def _empty_timeout(request: CallRequest) -> int:
    """Longer than the workflow waits for its human, so that it gives up first, in words."""
    waits = options.CALLER_JOINS + timedelta(seconds=30)
    if request.phone is not None:
        waits = options.PHONE_JOINS + timedelta(seconds=request.phone.ringing_timeout_seconds)
    return round(waits.total_seconds())


def _assistant(request: CallRequest) -> str:
    assert request.assistant_id is not None, "the assistant is found before anything else"
    return request.assistant_id
