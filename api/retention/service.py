"""Deletions that somebody asks for: accepted by the store, done by the worker."""

from __future__ import annotations

import asyncio

import structlog
from temporalio.client import WorkflowFailureError
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy

from api.parts import Parts
from api.temporal_errors import TEMPORAL_TROUBLE
from contract.identity import erasing_workflow_id
from contract.retention import DELETE_RECORDING_WORKFLOW, DeleteRecording, Kept, RecordingDeleted
from store.erasures import Erasures
from store.retention_models import ErasureRow

# Files are deleted within a second; who asked does not wait for an object store that is away.
_PATIENCE_SECONDS = 5.0

log = structlog.get_logger()


async def delete(parts: Parts, call_id: str, what: Kept, by: str, reason: str) -> ErasureRow:
    """As far as it got. Raises what `Erasures.ask` raises: then nothing has happened."""
    async with parts.database.session() as session:
        erasure = await Erasures(session).ask(call_id, what, by, reason)
    if erasure.done_at is not None:
        return erasure
    await _have_it_done(parts, call_id)
    async with parts.database.reader() as session:
        return await Erasures(session).get(call_id, what) or erasure


async def _have_it_done(parts: Parts, call_id: str) -> None:
    """The wish is durable already: whatever is away now, the hourly round of retention does it."""
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            await parts.temporal.execute_workflow(
                DELETE_RECORDING_WORKFLOW,
                DeleteRecording(call_id),
                id=erasing_workflow_id(call_id),
                task_queue=parts.settings.call_task_queue,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
                result_type=RecordingDeleted,
                static_summary="Delete a recording that somebody wants gone",
            )
    except (*TEMPORAL_TROUBLE, WorkflowFailureError) as trouble:
        log.warning("deletion_goes_on_later", call_id=call_id, error=type(trouble).__name__)
