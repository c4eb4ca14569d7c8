"""How long a call's recording and transcript are kept: fixed when the call ends."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from contract.retention import Kept
from store.models import AssistantRow, CallRow
from store.retention_models import ErasureRow

_DAYS = {Kept.RECORDING: "recording_days", Kept.TRANSCRIPT: "transcript_days"}


async def fix_retention(session: AsyncSession, call: CallRow) -> None:
    """When a call ends: what its assistant says now counts for it from here on."""
    if call.assistant_id is None:
        return
    assistant = await session.get(AssistantRow, (call.tenant_id, call.assistant_id))
    wishes = (assistant.config.get("retention") or {}) if assistant is not None else {}
    for what, name in _DAYS.items():
        days = wishes.get(name)
        if days is None or (what is Kept.RECORDING and not call.record):
            continue
        due_at = (call.ended_at or datetime.now(UTC)) + timedelta(days=days)
        session.add(ErasureRow(call_id=call.call_id, what=what.value, due_at=due_at))
