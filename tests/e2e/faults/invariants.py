"""What must be true after every fault (design section 10), asked of the systems themselves.

`assert_hold` waits until the calls of a scenario are settled, then collects every violation. The
numbers are those of the design; the caller who joined and left is the oracle for I2.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import mmap
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import boto3
import httpx2
from botocore.config import Config
from temporalio.client import WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from contract.identity import is_call_id, recording_workflow_id
from tests.e2e.faults.system import CANARY_NAME, CANARY_SENTENCE, System
from tests.e2e.faults.waiting import eventually

_UNSETTLED = {"pending", "recording", "finalising"}
_NEEDS_A_REASON = {"needs_attention", "lost"}
_ROOM_GONE_WITHIN = 30.0
_BILL_TOLERANCE = 1.0  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """What really happened to one call, as its scenario knows it."""

    call_id: str
    reason: str
    ended_by: str
    answered: bool = True
    recording: frozenset[str] = field(default=frozenset({"ready"}))
    talked: float | None = None  # seconds by the caller's clock; None: not known to the second

    @classmethod
    def caller_hung_up(cls, call_id: str, **known: Any) -> Truth:
        return cls(call_id=call_id, reason="caller_hung_up", ended_by="caller", **known)


@dataclass(frozen=True, slots=True)
class Settled:
    """How long after the call's own `ended_at` the room was found closed, in seconds."""

    row: dict[str, Any]
    room_gone_after: float


async def assert_hold(system: System, *truths: Truth, patience: float = 60.0) -> list[Settled]:
    """Raises AssertionError with every violation in a line of its own."""
    violations: list[str] = []
    found = await asyncio.gather(*(_settled(system, truth, patience) for truth in truths))
    for truth, settled in zip(truths, found, strict=True):
        violations += _bill(truth, settled.row) + _ending(truth, settled.row)
        violations += await _recording(system, truth, settled.row)
        if settled.room_gone_after > _ROOM_GONE_WITHIN:
            violations.append(f"I3 {truth.call_id}: room gone {settled.room_gone_after:.1f} s late")
    violations += await _one_workflow_each(system)
    violations += await _nothing_left(system, {settled.row["room_name"] for settled in found})
    violations += await asyncio.to_thread(_words_in_clear, system)
    assert not violations, "\n".join(violations)
    return list(found)


async def assert_nothing_is_left(system: System) -> None:
    """After all scenarios: an agent that was on its way has not opened a room of a past call."""

    async def look() -> bool:
        return not {room for room in await system.rooms() if is_call_id(room)}

    await eventually(look, _ROOM_GONE_WITHIN, f"I3: rooms are left: {await system.rooms()}")
    ours_for_ever = (
        "'RoomWatchWorkflow', 'JanitorWorkflow', 'RetentionWorkflow'"  # rounds come and go
    )
    still_open = f"ExecutionStatus = 'Running' AND WorkflowType NOT IN ({ours_for_ever})"
    waits = f"{still_open} AND RecordingStatus = 'needs_attention'"  # for an operator's retry
    found = [one.id async for one in system.temporal.list_workflows(still_open)]
    waiting = {one.id async for one in system.temporal.list_workflows(waits)}
    found = [one for one in found if one not in waiting]
    assert not found, f"I4: still open: {found}"


async def _settled(system: System, truth: Truth, patience: float) -> Settled:
    async def is_over() -> dict[str, Any] | None:
        row = await system.call(truth.call_id)
        over = row["status"] == "ended" and row["recording"]["status"] not in _UNSETTLED
        return row if over and row["cost"] is not None else None

    row = await system.call(truth.call_id)
    room = asyncio.create_task(_room_is_gone(system, row["room_name"], patience))
    row = await eventually(is_over, patience, f"{truth.call_id} is not settled")
    gone_at = await room
    await _closed(system, truth.call_id)
    if row["recording"]["status"] != "needs_attention":  # that waits for an operator's retry
        await _closed(system, recording_workflow_id(truth.call_id))
    ended_at = datetime.fromisoformat(row["ended_at"])
    return Settled(row, (gone_at - ended_at).total_seconds())


async def _room_is_gone(system: System, room: str, patience: float) -> datetime:
    async def look() -> bool:
        return room not in await system.rooms()

    await eventually(look, patience, f"I3: the room {room} is still open")
    return datetime.now(UTC)


async def _closed(system: System, workflow_id: str) -> None:
    """I4, and that it completed: a failed workflow has settled nothing."""

    async def look() -> WorkflowExecutionStatus | None:
        try:
            described = await system.temporal.get_workflow_handle(workflow_id).describe()
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:  # not every call has a recording
                return WorkflowExecutionStatus.COMPLETED
            raise
        open_still = described.status is WorkflowExecutionStatus.RUNNING
        return None if open_still else described.status

    status = await eventually(look, 30.0, f"I4: {workflow_id} is still open")
    assert status is WorkflowExecutionStatus.COMPLETED, f"I4 {workflow_id}: {status}"


def _bill(truth: Truth, row: dict[str, Any]) -> list[str]:
    if not truth.answered:
        unpaid = Decimal(row["cost"]["total"]) == 0 and row["answered_at"] is None
        return [] if unpaid else [f"I2 {truth.call_id}: unanswered, but {row['cost']}"]
    if truth.talked is None:
        return []
    talked = row["talk_seconds"]
    if talked is None or abs(talked - truth.talked) > _BILL_TOLERANCE:
        return [f"I2 {truth.call_id}: {talked} s billed, the caller was in {truth.talked:.2f} s"]
    return []


def _ending(truth: Truth, row: dict[str, Any]) -> list[str]:
    told = row["ended_reason"], row["ended_by"]
    if told != (truth.reason, truth.ended_by):
        return [f"I5 {truth.call_id}: {told} ({row['ended_detail']}), true is {truth.reason}"]
    return []


async def _recording(system: System, truth: Truth, row: dict[str, Any]) -> list[str]:
    told = row["recording"]
    if told["status"] not in truth.recording:
        return [f"I5 {truth.call_id}: recording {told}, not {sorted(truth.recording)}"]
    if told["status"] in _NEEDS_A_REASON and not told["detail"]:
        return [f"I5 {truth.call_id}: recording {told['status']} without a reason"]
    if told["status"] in ("lost", "not_requested"):
        kept = await asyncio.to_thread(_objects_of, system, truth.call_id)
        return [f"I5 {truth.call_id}: {told}, but S3 has {key}" for key in kept]
    if told["status"] != "ready":
        return []
    known = (await system.http.get(f"/calls/{truth.call_id}/recording")).json()
    async with httpx2.AsyncClient() as anybody:
        stored = (await anybody.get(known["url"])).content
    if hashlib.sha256(stored).hexdigest() != known["sha256"] or len(stored) != known["size_bytes"]:
        return [f"I5 {truth.call_id}: the object in S3 is not the one of the record"]
    return []


def _objects_of(system: System, call_id: str) -> list[str]:
    here = system.stack.description
    s3 = boto3.client(
        "s3",
        endpoint_url=here.s3_endpoint,
        region_name="us-east-1",
        aws_access_key_id=here.s3_access_key_id,
        aws_secret_access_key=here.s3_secret_access_key,
        config=Config(s3={"addressing_style": "path"}, proxies={}),
    )
    listed = s3.list_objects_v2(Bucket=here.s3_bucket)
    return [each["Key"] for each in listed.get("Contents", []) if call_id in each["Key"]]


async def _one_workflow_each(system: System) -> list[str]:
    """I1. Visibility runs a moment behind, so this looks until it agrees."""
    wrong: list[str] = []
    until = time.monotonic() + 5
    while True:
        runs = Counter(await system.call_workflows())
        rows = {row["call_id"] for row in await system.rows()}
        wrong = [f"I1 {call}: {n} workflows" for call, n in runs.items() if n != 1]
        wrong += [f"I1 {call}: no workflow" for call in system.may_exist - runs.keys()]
        wrong += [f"I1 {call}: no row" for call in system.may_exist - rows]
        wrong += [
            f"I1 {call}: a workflow nobody asked for" for call in runs.keys() - system.may_exist
        ]
        wrong += [f"I1 {call}: a row nobody asked for" for call in rows - system.may_exist]
        if not wrong or time.monotonic() > until:
            return wrong
        await asyncio.sleep(0.2)


async def _nothing_left(system: System, closed: set[str]) -> list[str]:
    """I3 once more. An agent that was on its way opens its room anew, but for a moment only."""
    until = time.monotonic() + 5
    while open_again := closed & await system.rooms():
        if time.monotonic() > until:
            return [f"I3 {room}: the room is open again" for room in open_again]
        await asyncio.sleep(0.2)
    return []


def _words_in_clear(system: System) -> list[str]:
    """I8: only the store's own database may hold them."""
    folder = system.stack.run_dir
    files = [*folder.glob("temporal.db*"), *folder.glob("logs/*")]
    canaries = (CANARY_NAME, CANARY_SENTENCE.rstrip("."), CANARY_NAME.split()[1])
    found = []
    for file in files:
        with contextlib.suppress(ValueError), file.open("rb") as opened:  # ValueError: it is empty
            content = mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ)
            found += [
                f"I8: {canary!r} is in clear in {file.name}"
                for canary in canaries
                if content.find(canary.encode()) >= 0
            ]
            content.close()
    return found
