"""Events, their deliveries, and what became of each attempt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from contract.webhooks import DeliveryStatus, EventType, NoteWebhook, delivery_id_of
from store.cursors import Page, cursor_of, moment_of, page_of, parts_of
from store.dead_letters import ABANDONED, abandoned, dead_letter, is_abandoned, on_its_way
from store.errors import DeliveryUnderWay, DeliveryUnknown, WebhookDisabled, WebhookGone
from store.first_write import insert_if_absent
from store.webhook_models import NOT_HANDED, AttemptRow, DeliveryRow, WebhookEventRow, WebhookRow
from store.webhooks import Webhooks

_DELETED = "The webhook was deleted."


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEvent:
    id: str
    tenant_id: str
    call_id: str
    type: EventType
    at: datetime
    body: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """With the event that is delivered."""

    row: DeliveryRow
    event: WebhookEventRow

    @property
    def status(self) -> DeliveryStatus:
        return DeliveryStatus.DEAD if is_abandoned(self.row) else DeliveryStatus(self.row.status)

    @property
    def detail(self) -> str:
        return ABANDONED if is_abandoned(self.row) else self.row.detail


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryPage:
    tenant_id: str
    limit: int = 50
    cursor: str | None = None
    webhook_id: str | None = None
    call_id: str | None = None
    status: DeliveryStatus | None = None


class Deliveries:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def tell(self, event: NewEvent, webhooks: Sequence[WebhookRow]) -> bool:
        """Write the event down with a delivery for each webhook that wants it. False: nobody does,
        or it was told before."""
        wanting = [webhook for webhook in webhooks if event.type.value in webhook.events]
        if not wanting:
            return False
        values: dict[str, Any] = {
            "id": event.id,
            "tenant_id": event.tenant_id,
            "call_id": event.call_id,
            "type": event.type.value,
            "at": event.at,
            "body": event.body,
        }
        if not await insert_if_absent(self._session, WebhookEventRow, values):
            return False
        for webhook in wanting:
            self._session.add(_delivery(event.tenant_id, webhook.id, event.id, 1))
        return True

    async def find(self, delivery_id: str, *, for_update: bool = False) -> Delivery | None:
        """Of whichever tenant."""
        found = (
            select(DeliveryRow, WebhookEventRow)
            .join(WebhookEventRow, WebhookEventRow.id == DeliveryRow.event_id)
            .where(DeliveryRow.id == delivery_id)
        )
        if for_update:
            found = found.with_for_update(of=DeliveryRow)
        row = (await self._session.execute(found)).one_or_none()
        return Delivery(row[0], row[1]) if row is not None else None

    async def get(self, tenant_id: str, delivery_id: str, *, for_update: bool = False) -> Delivery:
        """Raises DeliveryUnknown."""
        found = await self.find(delivery_id, for_update=for_update)
        if found is None or found.row.tenant_id != tenant_id:
            raise DeliveryUnknown(delivery_id)
        return found

    async def page(self, page: DeliveryPage) -> Page[Delivery]:
        """Newest first. Raises BadCursor."""
        found = await self._session.execute(deliveries_of(page))
        return page_of(
            [Delivery(row, event) for row, event in found],
            page.limit,
            lambda last: cursor_of(last.row.created_at.isoformat(), last.row.id),
        )

    async def attempts(self, delivery_ids: Sequence[str]) -> dict[str, list[AttemptRow]]:
        """In order."""
        made: dict[str, list[AttemptRow]] = {delivery_id: [] for delivery_id in delivery_ids}
        found = select(AttemptRow).where(AttemptRow.delivery_id.in_(delivery_ids))
        for row in await self._session.scalars(found.order_by(AttemptRow.number)):
            made[row.delivery_id].append(row)
        return made

    async def redeliver(self, tenant_id: str, delivery_id: str) -> Delivery:
        """Another delivery of the same event to the same webhook. Raises DeliveryUnknown,
        WebhookGone, WebhookDisabled, DeliveryUnderWay."""
        known = await self.get(tenant_id, delivery_id)
        # Also lets those who ask for the same at once wait for each other.
        webhook = await Webhooks(self._session).find(
            tenant_id, known.row.webhook_id, for_update=True
        )
        if webhook is None:
            raise WebhookGone
        if not webhook.enabled:
            raise WebhookDisabled(webhook.id)
        same = (DeliveryRow.event_id == known.event.id, DeliveryRow.webhook_id == webhook.id)
        await self._bury(*same, abandoned())
        earlier = (await self._session.scalars(select(DeliveryRow).where(*same))).all()
        if any(one.status == DeliveryStatus.PENDING for one in earlier):
            raise DeliveryUnderWay
        number = 1 + max(one.number for one in earlier)
        again = _delivery(tenant_id, webhook.id, known.event.id, number)
        self._session.add(again)
        await self._session.flush()
        return Delivery(again, known.event)

    async def _bury(self, *which: ColumnElement[bool]) -> None:
        """From now on whatever its workflow may tell after all comes too late."""
        await self._session.execute(
            update(DeliveryRow)
            .where(*which)
            .values(
                status=DeliveryStatus.DEAD.value,
                detail=ABANDONED,
                ended_at=datetime.now(UTC),
                next_attempt_at=None,
            )
        )

    async def note(self, note: NoteWebhook) -> str | None:
        """The attempt and what it means. Idempotent. The delivery's webhook; None: the call, and
        with it the delivery, was deleted meanwhile."""
        known = await self.find(note.delivery_id, for_update=True)
        if known is None:
            return None
        await insert_if_absent(
            self._session,
            AttemptRow,
            {
                "delivery_id": note.delivery_id,
                "number": note.attempt,
                "at": note.sent.at,
                "seconds": note.sent.seconds,
                "http_status": note.sent.http_status,
                "answer": note.sent.answer,
                "detail": note.sent.detail,
            },
        )
        if known.row.status == DeliveryStatus.PENDING:
            # Whoever started it may not have come to write that down.
            known.row.handed_at = known.row.handed_at or datetime.now(UTC)
            known.row.status = note.status.value
            known.row.detail = note.sent.detail
            known.row.next_attempt_at = note.next_at
            if note.status is not DeliveryStatus.PENDING:
                known.row.ended_at = datetime.now(UTC)
        return known.row.webhook_id

    async def cancel_pending(self, tenant_id: str, webhook_id: str) -> None:
        """Its webhook is deleted: Temporal has to hear of it again."""
        await self._session.execute(
            update(DeliveryRow)
            .where(
                DeliveryRow.tenant_id == tenant_id,
                DeliveryRow.webhook_id == webhook_id,
                DeliveryRow.status == DeliveryStatus.PENDING.value,
            )
            .values(
                status=DeliveryStatus.CANCELLED.value,
                detail=_DELETED,
                ended_at=datetime.now(UTC),
                next_attempt_at=None,
                handed_at=None,
            )
        )

    async def not_handed(self, limit: int) -> Sequence[Delivery]:
        """Of all tenants, the oldest first: Temporal does not know yet what becomes of them."""
        found = await self._session.execute(
            select(DeliveryRow, WebhookEventRow)
            .join(WebhookEventRow, WebhookEventRow.id == DeliveryRow.event_id)
            .where(NOT_HANDED)
            .order_by(DeliveryRow.created_at)
            .limit(limit)
        )
        return [Delivery(row, event) for row, event in found]

    async def hand(self, delivery_id: str, status: str) -> None:
        """Temporal knows that it has this status; unless that has changed since."""
        await self._session.execute(
            update(DeliveryRow)
            .where(DeliveryRow.id == delivery_id, DeliveryRow.status == status)
            .values(handed_at=datetime.now(UTC))
        )


def deliveries_of(page: DeliveryPage) -> Select[DeliveryRow, WebhookEventRow]:
    """One more than asked for tells whether there is a next page. Raises BadCursor."""
    return (
        select(DeliveryRow, WebhookEventRow)
        .join(WebhookEventRow, WebhookEventRow.id == DeliveryRow.event_id)
        .where(*_conditions(page))
        .order_by(DeliveryRow.created_at.desc(), DeliveryRow.id.desc())
        .limit(page.limit + 1)
    )


def _delivery(tenant_id: str, webhook_id: str, event_id: str, number: int) -> DeliveryRow:
    now = datetime.now(UTC)
    return DeliveryRow(
        id=delivery_id_of(event_id, webhook_id, number),
        tenant_id=tenant_id,
        webhook_id=webhook_id,
        event_id=event_id,
        number=number,
        status=DeliveryStatus.PENDING.value,
        detail="",
        created_at=now,
        next_attempt_at=now,
    )


def _conditions(page: DeliveryPage) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [DeliveryRow.tenant_id == page.tenant_id]
    if page.webhook_id is not None:
        conditions.append(DeliveryRow.webhook_id == page.webhook_id)
    if page.call_id is not None:
        conditions.append(WebhookEventRow.call_id == page.call_id)
    if page.status is not None:
        conditions.append(_has(page.status))
    if page.cursor is not None:
        moment, delivery_id = parts_of(page.cursor, 2)
        created_at = moment_of(moment)
        conditions.append(
            or_(
                DeliveryRow.created_at < created_at,
                and_(DeliveryRow.created_at == created_at, DeliveryRow.id < delivery_id),
            )
        )
    return conditions


def _has(status: DeliveryStatus) -> ColumnElement[bool]:
    match status:
        case DeliveryStatus.DEAD:
            return dead_letter()
        case DeliveryStatus.PENDING:
            return on_its_way()
        case _:
            return DeliveryRow.status == status.value
