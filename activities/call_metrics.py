"""What Prometheus learns of calls, counted once each, where the store settles it.

Every figure follows from a change that the store has just committed, and a change happens once: a
retried activity finds it made and counts nothing. A worker that is killed between the commit and
the count loses that one count; nothing is ever counted twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import structlog
from prometheus_client import Counter, Histogram
from sqlalchemy.ext.asyncio import AsyncSession

from activities.holds_told import holds_told
from activities.webhook_events import tell_change
from contract.calls import CallStatus, Direction, Provider, RecordingStatus, TimelineEntry
from contract.endings import EndedBy, EndedReason
from contract.janitor import CUT_OFF_KIND, RECORDING_CUT_OFF, CutOff
from contract.steps import WriteRecord
from store.calls import Calls
from store.database import Database
from store.models import CallRow
from store.transcripts import Transcripts

STARTED = Counter(
    "calls_started_total", "Calls whose workflow began its work", ["provider", "direction"]
)
ENDED = Counter("calls_ended_total", "Calls that ended, by reason", ["reason", "ended_by"])
SETUP = Histogram(
    "call_setup_seconds",
    "From the accepted request until the call was answered",
    ["provider", "direction"],
    buckets=(0.25, 0.5, 1, 1.5, 2, 3, 5, 8, 13, 21, 34, 60),
)
FIRST_WORD = Histogram(
    "call_answer_to_first_word_seconds",
    "From the answer until the assistant was first heard",
    buckets=(0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10),
)
HOLD = Histogram(
    "call_hold_seconds",
    "How long one hold lasted",
    buckets=(1, 5, 10, 30, 60, 120, 300, 600, 1800),
)
COST = Counter("call_cost_total", "Money spent on calls, in the price table's currency", ["item"])

CUT_OFF = Counter(
    "calls_cut_off_total", "Calls and recordings that the janitor finished, by cause", ["how"]
)

RECORDINGS = Counter("recordings_settled_total", "Recordings by how they came out", ["status"])

_SETTLED = (RecordingStatus.READY, RecordingStatus.NEEDS_ATTENTION, RecordingStatus.LOST)
_ITEMS = (
    "stt",
    "llm",
    "tts",
    "realtime",
    "telephony",
    "agent",
)  # a label must not grow with whatever an agent reports

# Every way in which a call of ours ends today; a test compares with the code.
_ENDINGS = (
    (EndedReason.CALLER_HUNG_UP, EndedBy.CALLER),
    (EndedReason.CALLEE_HUNG_UP, EndedBy.CALLEE),
    (EndedReason.ASSISTANT_HUNG_UP, EndedBy.ASSISTANT),
    (EndedReason.OPERATOR_HUNG_UP, EndedBy.OPERATOR),
    (EndedReason.OPERATOR_TERMINATED, EndedBy.OPERATOR),
    (EndedReason.NO_ANSWER, EndedBy.CALLER),
    (EndedReason.NO_ANSWER, EndedBy.CALLEE),
    (EndedReason.BUSY, EndedBy.CALLEE),
    (EndedReason.REJECTED, EndedBy.CALLEE),
    (EndedReason.INVALID_NUMBER, EndedBy.CARRIER),
    (EndedReason.CARRIER_BLOCKED, EndedBy.CARRIER),
    (EndedReason.CAPACITY, EndedBy.PLATFORM),
    (EndedReason.CAPACITY, EndedBy.PROVIDER),
    (EndedReason.TRANSFERRED, EndedBy.OPERATOR),
    (EndedReason.MEDIA_TIMEOUT, EndedBy.UNKNOWN),
    (EndedReason.CANCELLED, EndedBy.OPERATOR),
    (EndedReason.CANCELLED, EndedBy.PLATFORM),
    (EndedReason.SILENCE_TIMEOUT, EndedBy.ASSISTANT),
    (EndedReason.MAX_DURATION, EndedBy.PLATFORM),
    (EndedReason.MAX_HOLD, EndedBy.PLATFORM),
    (EndedReason.ASSISTANT_FAILED, EndedBy.PLATFORM),
    (EndedReason.PROVIDER_ERROR, EndedBy.PLATFORM),
    (EndedReason.PROVIDER_ERROR, EndedBy.CARRIER),
    (EndedReason.PROVIDER_ERROR, EndedBy.PROVIDER),
    (EndedReason.PLATFORM_ERROR, EndedBy.PLATFORM),
    (EndedReason.PLATFORM_ERROR, EndedBy.UNKNOWN),
)

# A counter that first appears with its first count hides that count from `increase()`.
for _item in (*_ITEMS, "other"):
    COST.labels(_item)
for _status in _SETTLED:
    RECORDINGS.labels(_status.value)
for _how in (*CutOff, RECORDING_CUT_OFF):
    CUT_OFF.labels(str(_how))
for _reason, _ended_by in _ENDINGS:
    ENDED.labels(_reason.value, _ended_by.value)
STARTED.labels(Provider.WEB.value, Direction.WEB.value)
for _carrier in (Provider.BRIDGE, Provider.LIVEKIT_SIP):
    STARTED.labels(_carrier.value, Direction.OUTBOUND.value)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Heard:
    """What is known of a call when it has ended."""

    first_word: float | None
    holds: Sequence[float]


async def write_and_count(database: Database, record: WriteRecord) -> None:
    """Apply what is new of a call; once that is durable, count it. Raises CallUnknown."""
    async with database.session() as session:
        change = await Calls(session).change(record)
        await tell_change(session, change)
        heard = await _heard(session, change.row) if change.has_ended else None
    row = change.row
    if row.status != change.was:
        log.info("call_status", status=row.status, reason=row.ended_reason, ended_by=row.ended_by)
    if change.was is CallStatus.QUEUED and row.status != CallStatus.QUEUED:
        STARTED.labels(row.provider, row.direction).inc()
    if not change.was_answered and row.answered_at is not None:
        waited = (row.answered_at - row.started_at).total_seconds()
        SETUP.labels(row.provider, row.direction).observe(max(waited, 0.0))
    count_cut_off(change.entries)
    if heard is not None:
        ENDED.labels(row.ended_reason or "unknown", row.ended_by or "unknown").inc()
        if heard.first_word is not None:
            FIRST_WORD.observe(heard.first_word)
        for seconds in heard.holds:
            HOLD.observe(seconds)


def count_cut_off(new: Sequence[TimelineEntry]) -> None:
    """By the line that says so, which gets on a timeline once."""
    for entry in new:
        if entry.kind == CUT_OFF_KIND:
            CUT_OFF.labels(str(entry.data.get("how"))).inc()


def count_recording(was: str | None, now: RecordingStatus) -> None:
    """Again when an operator's retry brings a failed one to a better end."""
    if now in _SETTLED and was != now:
        RECORDINGS.labels(now.value).inc()


def count_cost(amounts: Sequence[tuple[str, Decimal]]) -> None:
    """(what, amount) of each line of a bill that was written for the first time."""
    for what, amount in amounts:
        COST.labels(what if what in _ITEMS else "other").inc(float(amount))


async def _heard(session: AsyncSession, row: CallRow) -> _Heard:
    turns = await Transcripts(session).list(row.call_id)
    spoken = [turn.start for turn in turns if turn.speaker == "assistant"]
    first_word = None
    if spoken and row.answered_at is not None:
        first_word = max((min(spoken) - row.answered_at).total_seconds(), 0.0)
    holds = holds_told(await Calls(session).holds(row.call_id), row.ended_at)
    return _Heard(first_word, [(end - begin).total_seconds() for begin, end in holds])
