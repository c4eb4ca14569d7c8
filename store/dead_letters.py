"""Which deliveries are dead letters: those that were given up, and those whose workflow is gone.

Nobody tells the store when Temporal loses a delivery: an operator terminates its workflow, its
database is restored. What makes no attempt for so long after one was due is on its way no more.
Where only the workers were away for so long, its next attempt is due again and it is a dead letter
no longer.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import aliased

from contract.webhooks import DeliveryStatus
from store.webhook_models import DeliveryRow

ABANDONED = "Its workflow made no attempt when one was due."
_OVERDUE = timedelta(hours=1)
_PENDING, _DEAD = DeliveryStatus.PENDING.value, DeliveryStatus.DEAD.value


def is_abandoned(row: DeliveryRow) -> bool:
    return (
        row.status == _PENDING
        and row.handed_at is not None
        and row.next_attempt_at is not None
        and row.next_attempt_at < _long_ago()
    )


def abandoned() -> ColumnElement[bool]:
    return and_(
        DeliveryRow.status == _PENDING,
        DeliveryRow.handed_at.is_not(None),
        DeliveryRow.next_attempt_at < _long_ago(),
    )


def on_its_way() -> ColumnElement[bool]:
    is_awaited = or_(
        DeliveryRow.handed_at.is_(None),  # Temporal gets it within seconds, or once it is back
        DeliveryRow.next_attempt_at >= _long_ago(),
    )
    return and_(DeliveryRow.status == _PENDING, is_awaited)


def dead_letter() -> ColumnElement[bool]:
    """One of them until somebody sends it again: what became of that is a delivery of its own."""
    later = aliased(DeliveryRow)
    sent_again = select(later.id).where(
        later.event_id == DeliveryRow.event_id,
        later.webhook_id == DeliveryRow.webhook_id,
        later.number > DeliveryRow.number,
    )
    return and_(or_(DeliveryRow.status == _DEAD, abandoned()), ~sent_again.exists())


def _long_ago() -> datetime:
    return datetime.now(UTC) - _OVERDUE
