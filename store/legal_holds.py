"""Legal holds: while one stands, nothing of its call is deleted by anybody.

Placing takes the call's lock, as deleting does: whoever comes second knows of the first.
"""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy.ext.asyncio import AsyncSession

from store.calls import Calls
from store.retention_models import LegalHoldRow
from store.timeline import RETENTION_SOURCE, note


class LegalHolds:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def get(self, call_id: str) -> LegalHoldRow | None:
        return await self._session.get(LegalHoldRow, call_id)

    async def place(self, call_id: str, by: str, reason: str) -> LegalHoldRow:
        """One that stands keeps who placed it and why. Raises CallUnknown."""
        await Calls(self._session).locked(call_id)
        hold = await self.get(call_id)
        if hold is not None:
            return hold
        hold = LegalHoldRow(
            call_id=call_id, placed_at=datetime.now(UTC), placed_by=by, reason=reason
        )
        self._session.add(hold)
        await self._note(call_id, "legal_hold_placed", f"On legal hold: {reason}", by)
        return hold

    async def lift(self, call_id: str, by: str, reason: str) -> None:
        """Where none stands nothing happens. What is due meanwhile is deleted by the next round.
        Raises CallUnknown."""
        await Calls(self._session).locked(call_id)
        hold = await self.get(call_id)
        if hold is None:
            return
        await self._session.delete(hold)
        await self._note(call_id, "legal_hold_lifted", f"The legal hold is lifted: {reason}", by)

    async def _note(self, call_id: str, kind: str, text: str, by: str) -> None:
        told = {"requested_by": by}
        await note(self._session, call_id, RETENTION_SOURCE, "operator", kind, text, told)
