"""Deliveries of events to tenants' receivers, one attempt at a time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from http import HTTPStatus

from prometheus_client import Counter
from temporalio import activity

from activities.webhook_http import Answer, WebhookSender
from contract.steps import Step
from contract.webhooks import (
    DeliveryStatus,
    NoteWebhook,
    SendOutcome,
    SendWebhook,
    WebhookSent,
    signed_headers,
)
from engine.sealing import Sealing
from store.database import Database
from store.webhook_deliveries import Deliveries, Delivery
from store.webhook_models import WebhookRow
from store.webhooks import Webhooks, secret_place

_GONE = "It answered 410 Gone."

ATTEMPTS = Counter(
    "webhook_attempts_total", "Attempts to deliver an event to a tenant's receiver", ["outcome"]
)
# A counter that first appears with its first count hides that count from `increase()`.
for _outcome in SendOutcome:
    ATTEMPTS.labels(_outcome.value)


class WebhookActivities:
    """What is sent is read anew at each attempt: the endpoint may have changed meanwhile."""

    def __init__(self, database: Database, sealing: Sealing | None, sender: WebhookSender) -> None:
        self._database = database
        self._sealing = sealing
        self._sender = sender

    @activity.defn(name=Step.SEND_WEBHOOK)
    async def send_webhook(self, order: SendWebhook) -> WebhookSent:
        """Whatever becomes of it is an answer; it raises only what came before the request."""
        sent = await self._send(order.delivery_id)
        ATTEMPTS.labels(sent.outcome.value).inc()
        return sent

    async def _send(self, delivery_id: str) -> WebhookSent:
        at = datetime.now(UTC)
        async with self._database.reader() as session:
            delivery = await Deliveries(session).find(delivery_id)
            webhook = await _webhook_of(Webhooks(session), delivery)
        if delivery is None or webhook is None:
            gone = "The webhook was deleted." if delivery else "The call was deleted."
            return WebhookSent(outcome=SendOutcome.WITHDRAWN, at=at, detail=gone)
        if not webhook.enabled:
            why = f"The webhook is disabled. {webhook.disabled_reason or ''}".strip()
            return WebhookSent(outcome=SendOutcome.HOPELESS, at=at, detail=why)
        try:
            secrets = _secrets(self._sealing, webhook, at)
        except ValueError:
            return WebhookSent(
                outcome=SendOutcome.FAILED,
                at=at,
                detail="None of our payload keys opens the webhook's secret.",
            )
        event = delivery.event
        headers = signed_headers(event.id, at, event.body, secrets)
        return _sent(at, await self._sender.post(webhook.url, event.body, headers))

    @activity.defn(name=Step.NOTE_WEBHOOK)
    async def note_webhook(self, note: NoteWebhook) -> None:
        async with self._database.session() as session:
            webhook_id = await Deliveries(session).note(note)
            if webhook_id is None or not note.sent.disables:
                return
            delivery = await Deliveries(session).find(note.delivery_id)
            assert delivery is not None
            tenant_id = delivery.row.tenant_id
            webhook = await Webhooks(session).find(tenant_id, webhook_id, for_update=True)
            # One that was enabled again since is not disabled by what was answered before.
            if webhook is not None and webhook.enabled and webhook.updated_at <= note.sent.at:
                webhook.enabled = False
                webhook.disabled_reason = note.sent.detail
                webhook.updated_at = datetime.now(UTC)


async def _webhook_of(webhooks: Webhooks, delivery: Delivery | None) -> WebhookRow | None:
    if delivery is None or delivery.row.status == DeliveryStatus.CANCELLED:
        return None
    return await webhooks.find(delivery.row.tenant_id, delivery.row.webhook_id)


def _secrets(sealing: Sealing | None, webhook: WebhookRow, at: datetime) -> Sequence[str]:
    """The current one first. Raises ValueError."""
    if sealing is None:
        raise ValueError("No payload keys.")
    place = secret_place(webhook.tenant_id, webhook.id)
    secrets = [sealing.open(webhook.sealed_secret, place)]
    until = webhook.previous_secret_until
    if webhook.sealed_previous_secret is not None and until is not None and at < until:
        secrets.append(sealing.open(webhook.sealed_previous_secret, place))
    return secrets


def _sent(at: datetime, answer: Answer) -> WebhookSent:
    status = answer.http_status
    is_gone = status == HTTPStatus.GONE
    outcome = SendOutcome.FAILED
    if status is not None and 200 <= status < 300:
        outcome = SendOutcome.DELIVERED
    elif is_gone or answer.is_refused:
        outcome = SendOutcome.HOPELESS
    return WebhookSent(
        outcome=outcome,
        at=at,
        detail=_GONE if is_gone else answer.failure or f"It answered {_status(status)}.",
        seconds=answer.seconds,
        http_status=status,
        answer=answer.text,
        retry_after=answer.retry_after,
        disables=is_gone,
    )


def _status(status: int | None) -> str:
    if status is not None and 300 <= status < 400:
        return f"{status}, a redirect, which is not followed"
    return str(status)
