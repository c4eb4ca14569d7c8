"""What was said, turn by turn. Every turn also stands on the call's timeline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession

from contract.calls import TimelineEntry
from contract.retention import Kept
from store.errors import CallUnknown
from store.models import CallRow, ErasureRow, EventRow, TurnRow
from store.timeline import append_entries

TURN_KIND = "turn"
# What a turn's line on the timeline says when the transcript is deleted.
DELETED_TEXT = "(deleted)"
_REASON = "reason"


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    call_id: str
    source: str
    source_seq: int
    speaker: str  # caller | assistant | human-<n>
    text: str
    start: datetime
    end: datetime
    language: str | None = None
    sentiment: dict[str, Any] | None = None  # VADER's four scores
    reason: str | None = None  # why there is no sentiment


class Transcripts:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(self, turns: Sequence[Turn]) -> None:
        """Repeats (same call, source and source_seq) change nothing. Raises CallUnknown."""
        for call_id in dict.fromkeys(turn.call_id for turn in turns):
            await self._add_to(call_id, [turn for turn in turns if turn.call_id == call_id])

    async def _add_to(self, call_id: str, turns: list[Turn]) -> None:
        row = select(CallRow.call_id).where(CallRow.call_id == call_id).with_for_update()
        if await self._session.scalar(row) is None:
            raise CallUnknown(call_id)
        if await self.deleted(call_id):
            return  # an agent's outbox was late: what was deleted does not come back
        wanted = {(turn.source, turn.source_seq): turn for turn in turns}
        known = await self._session.execute(
            select(TurnRow.source, TurnRow.source_seq).where(
                TurnRow.call_id == call_id, tuple_(TurnRow.source, TurnRow.source_seq).in_(wanted)
            )
        )
        for source, source_seq in known:
            del wanted[(source, source_seq)]
        self._session.add_all(_row(turn) for turn in wanted.values())
        await append_entries(self._session, call_id, [_entry(turn) for turn in wanted.values()])

    async def delete(self, call_id: str) -> int:
        """Every word, here and on the timeline, whose lines keep who spoke when. How many turns."""
        gone = await self._session.scalars(
            delete(TurnRow).where(TurnRow.call_id == call_id).returning(TurnRow.id)
        )
        await self._session.execute(
            update(EventRow)
            .where(EventRow.call_id == call_id, EventRow.kind == TURN_KIND)
            .values(text=DELETED_TEXT, data={})
        )
        return len(gone.all())

    async def deleted(self, call_id: str) -> bool:
        erasure = await self._session.get(ErasureRow, (call_id, Kept.TRANSCRIPT.value))
        return erasure is not None and erasure.done_at is not None

    async def list(self, call_id: str) -> list[Turn]:
        """In spoken order."""
        found = select(TurnRow).where(TurnRow.call_id == call_id)
        rows = await self._session.scalars(found.order_by(TurnRow.start, TurnRow.id))
        return [_turn(row) for row in rows]


def _row(turn: Turn) -> TurnRow:
    return TurnRow(
        call_id=turn.call_id,
        source=turn.source,
        source_seq=turn.source_seq,
        speaker=turn.speaker,
        text=turn.text,
        language=turn.language,
        start=turn.start,
        end=turn.end,
        # One column for both: there is either a sentiment, or a reason why not, or neither.
        sentiment=turn.sentiment if turn.reason is None else {_REASON: turn.reason},
    )


def _turn(row: TurnRow) -> Turn:
    kept = row.sentiment or {}
    reason = kept.get(_REASON)
    return Turn(
        call_id=row.call_id,
        source=row.source,
        source_seq=row.source_seq,
        speaker=row.speaker,
        text=row.text,
        language=row.language,
        start=row.start,
        end=row.end,
        sentiment=row.sentiment if reason is None else None,
        reason=reason,
    )


def _entry(turn: Turn) -> TimelineEntry:
    return TimelineEntry(
        # Turns are numbered apart from whatever else the same teller puts on the timeline.
        source=f"{turn.source}.turns",
        source_seq=turn.source_seq,
        at=turn.start,
        actor=turn.speaker,
        kind=TURN_KIND,
        text=turn.text,
        data={
            "end": turn.end.isoformat(),
            "language": turn.language,
            "sentiment": turn.sentiment,
            "reason": turn.reason,
        },
    )
