"""The recording's steps as calls of activities."""

from __future__ import annotations

from temporalio.workflow import ActivityConfig

from contract.recordings import EgressSeen
from contract.steps import (
    EgressById,
    RecordingRescued,
    RecordingVerified,
    RescueRecording,
    StartEgress,
    Step,
    VerifyRecording,
    WriteRecording,
)
from workflows import options
from workflows.steps import do


async def start_egress(
    call_id: str, room_name: str, attempt: int, given_up: tuple[str, ...]
) -> EgressSeen:
    return await do(
        Step.START_EGRESS,
        StartEgress(call_id=call_id, room_name=room_name, attempt=attempt, given_up=given_up),
        EgressSeen,
        f"Start recording, attempt {attempt}",
        options.START_EGRESS,
    )


async def find_egress(call_id: str, room_name: str, attempt: int) -> EgressSeen:
    return await do(
        Step.FIND_EGRESS,
        StartEgress(call_id=call_id, room_name=room_name, attempt=attempt),
        EgressSeen,
        "Look whether a start with a lost answer worked",
        options.LOOK_AT_EGRESS,
    )


async def stop_egress(egress_id: str, room_name: str) -> EgressSeen:
    return await do(
        Step.STOP_EGRESS,
        EgressById(egress_id, room_name),
        EgressSeen,
        "Stop recording",
        options.STOP_EGRESS,
    )


async def look_at_egress(egress_id: str, room_name: str) -> EgressSeen:
    return await do(
        Step.LOOK_AT_EGRESS,
        EgressById(egress_id, room_name),
        EgressSeen,
        "Ask Egress how the recording is doing",
        options.LOOK_AT_EGRESS,
    )


async def await_egress_end(egress_id: str, room_name: str) -> EgressSeen:
    return await do(
        Step.AWAIT_EGRESS_END,
        EgressById(egress_id, room_name),
        EgressSeen,
        "Wait until Egress has uploaded the recording",
        options.AWAIT_EGRESS_END,
    )


async def verify_recording(
    call_id: str, egress: EgressSeen, patience: ActivityConfig
) -> RecordingVerified:
    return await do(
        Step.VERIFY_RECORDING,
        VerifyRecording(call_id=call_id, egress=egress),
        RecordingVerified,
        "Check the recording in the object store",
        patience,
    )


async def rescue_recording(call_id: str, segments: tuple[EgressSeen, ...]) -> RecordingRescued:
    return await do(
        Step.RESCUE_RECORDING,
        RescueRecording(call_id=call_id, segments=segments),
        RecordingRescued,
        "Look for the recording's files, also in Egress' backup storage",
        options.RESCUE_RECORDING,
    )


async def write_recording(update: WriteRecording, summary: str) -> None:
    await do(Step.WRITE_RECORDING, update, type(None), summary, options.WRITE_RECORD)
