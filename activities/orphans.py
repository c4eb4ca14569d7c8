"""Ends calls of whose workflow Temporal knows nothing: no history tells how they ended, and nobody
else settles their bill."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from contract.calls import CallStatus, Direction, Provider
from contract.endings import CallEnding, EndedBy, EndedReason
from contract.steps import BillSettled, SettleBill, WriteRecord
from store.calls import Calls
from store.database import Database
from store.models import CallRow
from store.unfinished import Unfinished

_GONE = "The call's workflow is gone."
_CALLS_OWN = "workflow"  # the timeline's lines of the call itself

log = structlog.get_logger()


class Orphans:
    def __init__(
        self,
        database: Database,
        settle: Callable[[SettleBill], Awaitable[BillSettled]],
        write: Callable[[WriteRecord], Awaitable[None]],
    ) -> None:
        self._database = database
        self._settle = settle
        self._write = write

    async def finish(self, call_id: str, at: datetime) -> None:
        """First the bill, then the end: a row that is still open is found again, by whoever looks
        after a death in between, and the bill is settled once."""
        async with self._database.reader() as session:
            row = await Calls(session).get(call_id)
            if row is None or row.status == CallStatus.ENDED:
                return  # it was withdrawn, or the janitor was here
            ended_at = min(at, await _last_heard(session, row) or at)
        log.warning("open_row_without_workflow", call_id=call_id)
        await self._settle(
            SettleBill(
                call_id=call_id,
                tenant_id=row.tenant_id,
                direction=Direction(row.direction),
                provider=Provider(row.provider),
                answered_at=row.answered_at,
                ended_at=ended_at,
                settled_at=at,
                usage_complete=False,  # whom its agents would have told is gone
            )
        )
        talked = (ended_at - row.answered_at).total_seconds() if row.answered_at else 0.0
        await self._write(
            WriteRecord(
                call_id=call_id,
                status=CallStatus.ENDED,
                ended_at=ended_at,
                ending=_ending(CallStatus(row.status)),
                talk_seconds=round(talked, 3),
            )
        )


def _ending(was: CallStatus) -> CallEnding:
    if was is CallStatus.QUEUED:  # whoever wrote the row died before Temporal had heard of the call
        return CallEnding(EndedReason.CANCELLED, EndedBy.PLATFORM, _GONE)
    return CallEnding(EndedReason.OPERATOR_TERMINATED, EndedBy.OPERATOR, _GONE)


async def _last_heard(session: AsyncSession, row: CallRow) -> datetime | None:
    """Nobody pays for more than they talked: of an answered call the last that its workflow told
    or, if later, that the human said. The same at every look."""
    if row.answered_at is None:
        return None
    told = await Calls(session).events(row.call_id)
    moments = [row.answered_at, *(line.at for line in told if line.source == _CALLS_OWN)]
    spoke_at = await Unfinished(session).last_turn_of_human(row.call_id)
    return max(moments if spoke_at is None else [*moments, spoke_at])
