"""What makes a LiveKit job a call's: its metadata, and the identity that the agent joins under."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from livekit import rtc
from livekit.agents import JobContext, JobRequest

from agents.probe import ProbeAnswers
from contract.identity import AgentRole, agent_identity
from contract.probes import is_probe_job
from contract.rooms import JobMetadata, RoomMetadata
from engine.log_contents import calls_of_jobs

log = logging.getLogger(__name__)

CALL_ID_PATIENCE = 5.0


class NotACall(Exception):
    """The room never said which call it is."""


def parse_job(text: str, role: AgentRole) -> JobMetadata:
    """A job's metadata, whose call_id may still be missing (then the room's metadata has it).

    Raises ValueError when the job is not a call's or is for another role.
    """
    try:
        raw: Any = json.loads(text)
    except ValueError:
        raw = None
    if isinstance(raw, dict) and not raw.get("call_id"):
        text = json.dumps(raw | {"call_id": ""})
    job = JobMetadata.parse(text)
    if job.role is not role:
        raise ValueError(f"This job is for {job.role}, not for {role}.")
    if job.generation < 1:
        raise ValueError("This job's generation is not a positive number.")
    return job


def accept_calls(role: AgentRole, probes: ProbeAnswers) -> Callable[[JobRequest], Awaitable[None]]:
    async def on_request(request: JobRequest) -> None:
        if is_probe_job(request.job.metadata):
            await probes.give(request.room.name)
            await request.reject()
            return
        await answer_request(request, role)

    return on_request


async def answer_request(request: JobRequest, role: AgentRole) -> None:
    try:
        job = parse_job(request.job.metadata, role)
    except ValueError as wrong:
        log.warning("a job was refused", extra={"error": str(wrong), "job_id": request.id})
        await request.reject()
        return
    if job.call_id:
        calls_of_jobs.remember(request.id, job.call_id)
    log.info("a job was accepted", extra={"job_id": request.id, "role": role.value})
    # The identity is fixed by role and generation: should the same dispatch reach two workers,
    # the second replaces the first in the room instead of adding a second voice.
    await request.accept(name=role.display_name, identity=agent_identity(role, job.generation))


async def with_call_id(job: JobMetadata, room: rtc.Room) -> JobMetadata:
    """The job with its call's id. Raises NotACall when the room does not name one in time."""
    if job.call_id:
        return job
    found: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def look(*_: object) -> None:
        call_id = RoomMetadata.parse(room.metadata).call_id
        if call_id and not found.done():
            found.set_result(call_id)

    room.on("room_metadata_changed", look)
    try:
        look()
        return replace(job, call_id=await asyncio.wait_for(found, CALL_ID_PATIENCE))
    except TimeoutError:
        raise NotACall("Neither the job nor the room named a call.") from None
    finally:
        room.off("room_metadata_changed", look)


def job_of(ctx: JobContext, role: AgentRole) -> JobMetadata:
    return parse_job(ctx.job.metadata, role)
