"""The steps of a phone call as calls of activities. No number in a summary: Temporal shows them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from temporalio import workflow

from contract.holds import HoldState
from contract.identity import PHONE_IDENTITY, AgentRole, agent_identity
from contract.phone import (
    Dialled,
    DialPhone,
    PhoneOrder,
    PhonePutOut,
    PhoneSeen,
    PhoneTold,
    PhoneTransferred,
    TellPhone,
    TransferPhone,
    keys_take,
)
from contract.rooms import PING_RPC, PhoneRpc
from contract.steps import HoldWritten, InRoom, LineTaken, Step, TakeLine, WriteHold
from workflows import options
from workflows.call_state import CallState
from workflows.steps import do, start

_TELLING = {
    PhoneRpc.HANGUP: ("Hang up the phone", options.HANG_UP_PHONE),
    PhoneRpc.DTMF: ("Press keys", options.PRESS_KEYS),
    PhoneRpc.TRANSFER: ("Transfer the phone", options.TRANSFER_PHONE),
}


def start_taking_line(state: CallState, patience: timedelta) -> workflow.ActivityHandle[LineTaken]:
    request, phone = state.request, phone_of(state)
    return start(
        Step.TAKE_LINE,
        TakeLine(
            call_id=request.call_id,
            tenant_id=request.tenant_id,
            trunk_id=phone.trunk_id,
            patience=patience.total_seconds(),
        ),
        LineTaken,
        "Take a line of the trunk",
        options.TAKE_LINE,
    )


def start_dialling(state: CallState) -> workflow.ActivityHandle[Dialled]:
    request, phone = state.request, phone_of(state)
    rings = timedelta(seconds=phone.ringing_timeout_seconds)
    # LiveKit SIP presses them before it says that the phone is answered.
    keys = timedelta(seconds=keys_take(phone.dtmf) if state.phone.is_livekits else 0)
    config: workflow.ActivityConfig = {
        **options.DIAL_ONCE,
        "task_queue": phone.task_queue,
        "start_to_close_timeout": rings + options.DIALLING_TAKES + keys,
    }
    return start(
        Step.DIAL_PHONE,
        DialPhone(
            call_id=request.call_id,
            tenant_id=request.tenant_id,
            room_name=request.room_name,
            phone=phone,
            max_duration_seconds=request.max_duration_seconds + options.LEG_OUTLIVES,
        ),
        Dialled,
        "Dial",
        config,
    )


async def look_for_phone(state: CallState) -> PhoneSeen:
    request = state.request
    return await do(
        Step.LOOK_FOR_PHONE,
        InRoom(request.room_name, request.human_identity),
        PhoneSeen,
        "Look whether the phone is in the room",
        options.LOOK_FOR_PHONE,
    )


async def put_out_phone(state: CallState) -> PhonePutOut:
    request = state.request
    return await do(
        Step.PUT_OUT_PHONE,
        InRoom(request.room_name, request.human_identity),
        PhonePutOut,
        "Hang up the phone",
        options.REMOVE_PARTICIPANT,
    )


async def ping_phone(state: CallState) -> PhoneTold:
    message = TellPhone(room_name=state.request.room_name, method=PING_RPC)
    return await do(
        Step.TELL_PHONE, message, PhoneTold, "Ask the phone whether it lives", options.PING_PHONE
    )


def start_telling(
    state: CallState, method: PhoneRpc, payload: dict[str, Any]
) -> workflow.ActivityHandle[PhoneTold]:
    return start(
        Step.TELL_PHONE,
        TellPhone(
            room_name=state.request.room_name,
            method=method.value,
            payload=payload,
            identity=_who_serves(state),
        ),
        PhoneTold,
        *_TELLING[method],
    )


def start_transfer(state: CallState, to_number: str) -> workflow.ActivityHandle[PhoneTransferred]:
    """Of a phone of LiveKit SIP; a bridge's is told to do it."""
    request = state.request
    return start(
        Step.TRANSFER_PHONE,
        TransferPhone(
            tenant_id=request.tenant_id,
            trunk_id=phone_of(state).trunk_id,
            room_name=request.room_name,
            to_number=to_number,
        ),
        PhoneTransferred,
        *_TELLING[PhoneRpc.TRANSFER],
    )


async def write_hold(state: CallState, hold: HoldState) -> HoldWritten:
    request = state.request
    return await do(
        Step.WRITE_HOLD,
        WriteHold(
            room_name=request.room_name, identity=request.human_identity, state=hold.to_json()
        ),
        HoldWritten,
        "Say in the room who holds" if hold.is_held else "Say in the room that nobody holds",
        options.WRITE_HOLD,
    )


def _who_serves(state: CallState) -> str:
    """LiveKit SIP's phones take no RPC; Atlas speaks to them in the room."""
    if state.phone.is_livekits:
        return agent_identity(AgentRole.ATLAS, state.atlas.generation)
    return PHONE_IDENTITY


def phone_of(state: CallState) -> PhoneOrder:
    assert state.request.phone is not None, "only phone calls get here"
    return state.request.phone
