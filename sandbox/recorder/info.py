"""EgressInfo through its life: which field changes when, exactly as real Egress has it."""

from __future__ import annotations

import json
import time

from livekit.protocol.egress import (
    EgressInfo,
    EgressSourceType,
    EgressStatus,
    FileInfo,
    RoomCompositeEgressRequest,
)

STOPPED_BY_API = "StopEgress API"
SOURCE_CLOSED = "Source closed"
PROCESS_KILLED = "Process killed"
FAILURE = "Failure"
STOPPED_BEFORE_START = "Stop called before pipeline could start"
NO_START_SIGNAL = "Start signal not received"

_ENDED = frozenset(
    {
        EgressStatus.EGRESS_COMPLETE,
        EgressStatus.EGRESS_FAILED,
        EgressStatus.EGRESS_ABORTED,
        EgressStatus.EGRESS_LIMIT_REACHED,
    }
)


def is_ended(info: EgressInfo) -> bool:
    return info.status in _ENDED


def copy_of(info: EgressInfo) -> EgressInfo:
    copy = EgressInfo()
    copy.CopyFrom(info)
    return copy


def new_info(
    *, egress_id: str, room_id: str, request: RoomCompositeEgressRequest, filename: str
) -> EgressInfo:
    now = time.time_ns()
    info = EgressInfo(
        egress_id=egress_id,
        room_id=room_id,
        room_name=request.room_name,
        source_type=EgressSourceType.EGRESS_SOURCE_TYPE_SDK,
        started_at=now,
        updated_at=now,
        room_composite=_redacted(request),
    )
    set_file(info, FileInfo(filename=filename))
    return info


def set_file(info: EgressInfo, file: FileInfo) -> None:
    """`file` and `fileResults` are the same thing twice."""
    info.file.CopyFrom(file)
    del info.file_results[:]
    info.file_results.append(file)


def mark_active(info: EgressInfo) -> None:
    info.status = EgressStatus.EGRESS_ACTIVE
    info.updated_at = time.time_ns()


def mark_ending(info: EgressInfo, reason: str) -> None:
    info.details = f"End reason: {reason}"
    info.status = EgressStatus.EGRESS_ENDING
    info.updated_at = time.time_ns()


def mark_stored(info: EgressInfo, *, size: int, location: str) -> None:
    for file in (info.file, info.file_results[0]):
        file.size, file.location = size, location


def mark_kept(info: EgressInfo, *, size: int, location: str) -> None:
    """By the backup storage: without a word on why the object store did not take it."""
    mark_stored(info, size=size, location=location)
    info.backup_storage_used = True


def mark_complete(info: EgressInfo) -> None:
    info.status = EgressStatus.EGRESS_COMPLETE
    info.ended_at = info.updated_at = time.time_ns()


def mark_failed(info: EgressInfo, error: str, code: int) -> None:
    info.status = EgressStatus.EGRESS_FAILED
    info.ended_at = info.updated_at = time.time_ns()
    info.error, info.error_code = error, code
    if not info.details:
        info.details = f"End reason: {FAILURE}"


def mark_aborted(info: EgressInfo, reason: str) -> None:
    info.details = f"End reason: {reason}"
    info.status = EgressStatus.EGRESS_ABORTED
    info.ended_at = info.updated_at = time.time_ns()
    info.error, info.error_code = NO_START_SIGNAL, 412


def manifest(info: EgressInfo) -> bytes:
    document = {
        "egress_id": info.egress_id,
        "room_id": info.room_id,
        "room_name": info.room_name,
        "started_at": info.started_at,
        "ended_at": info.file.ended_at,
        "files": [{"filename": info.file.filename, "location": info.file.location}],
    }
    return json.dumps(document).encode()


def _redacted(request: RoomCompositeEgressRequest) -> RoomCompositeEgressRequest:
    shown = RoomCompositeEgressRequest()
    shown.CopyFrom(request)
    outputs = [*shown.file_outputs, *([shown.file] if shown.HasField("file") else [])]
    for output in outputs:
        if output.HasField("s3"):
            output.s3.access_key = output.s3.access_key and "{access_key}"
            output.s3.secret = output.s3.secret and "{secret}"
            output.s3.session_token = output.s3.session_token and "{session_token}"
    return shown
