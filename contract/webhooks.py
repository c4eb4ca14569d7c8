"""Webhooks to tenants: what they are told, how it is signed, and the messages of one delivery.

Signed as Standard Webhooks (https://www.standardwebhooks.com): `webhook-id`, `webhook-timestamp`
and `webhook-signature` over id, timestamp and body.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

DELIVERY_WORKFLOW = "WebhookDeliveryWorkflow"
WITHDRAW_SIGNAL = "withdraw"
SECRET_PREFIX = "whsec_"
_SECRET_BYTES = 32  # the standard asks for 24 to 64
_ID_LENGTH = 26


class EventType(StrEnum):
    CALL_STARTED = "call.started"
    CALL_RINGING = "call.ringing"
    CALL_ANSWERED = "call.answered"
    CALL_HELD = "call.held"
    CALL_RESUMED = "call.resumed"
    CALL_ENDED = "call.ended"
    RECORDING_READY = "call.recording.ready"
    RECORDING_FAILED = "call.recording.failed"
    REPORT_READY = "call.report.ready"
    NEGATIVE_RUN = "call.transcript.negative_run"


class DeliveryStatus(StrEnum):
    PENDING = "pending"
    DELIVERED = "delivered"
    DEAD = "dead"  # a dead letter: it can be delivered again on request
    CANCELLED = "cancelled"  # its endpoint was deleted


class SendOutcome(StrEnum):
    DELIVERED = "delivered"  # answered 2xx
    FAILED = "failed"  # may work the next time
    HOPELESS = "hopeless"  # would never work: it leads where no webhook may, or answered 410
    WITHDRAWN = "withdrawn"  # nothing was sent: there is no such endpoint or event any more


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryRequest:
    """The input of one delivery's workflow, whose id is the delivery's. What is delivered stays in
    the store."""

    delivery_id: str
    tenant_id: str
    webhook_id: str
    event_id: str
    event_type: str  # EventType, or one that a later build knows
    call_id: str


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    status: DeliveryStatus
    attempts: int
    detail: str


@dataclass(frozen=True, slots=True)
class SendWebhook:
    delivery_id: str
    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookSent:
    """One attempt. `seconds` it took; `retry_after`: seconds that the receiver asked us to wait."""

    outcome: SendOutcome
    at: datetime
    detail: str
    seconds: float = 0.0
    http_status: int | None = None
    answer: str = ""  # its beginning
    retry_after: float | None = None
    disables: bool = False  # the endpoint is not to be sent anything any more


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteWebhook:
    """What one attempt came to. Idempotent. `next_at` is None once the delivery is over."""

    delivery_id: str
    attempt: int
    sent: WebhookSent
    status: DeliveryStatus
    next_at: datetime | None


def event_id_of(call_id: str, kind: EventType, which: str = "") -> str:
    """The same for the same event, however often it is told. `which`: of those that a call may
    have several of."""
    return "evt_" + _digest(call_id, kind.value, which)


def delivery_id_of(event_id: str, webhook_id: str, number: int = 1) -> str:
    """`number` counts deliveries of one event to one endpoint: the first, then those on request."""
    return "whd_" + _digest(event_id, webhook_id, str(number))


def new_secret() -> str:
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def signed_headers(
    event_id: str, at: datetime, body: str, signing_secrets: Sequence[str]
) -> dict[str, str]:
    """One signature for each secret: while one takes the other's place both are valid."""
    timestamp = str(int(at.timestamp()))
    content = f"{event_id}.{timestamp}.{body}".encode()
    return {
        "webhook-id": event_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(_signature(secret, content) for secret in signing_secrets),
    }


def _signature(secret: str, content: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(SECRET_PREFIX))
    return "v1," + base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()


def _digest(*parts: str) -> str:
    text = base64.b32encode(hashlib.sha256("\0".join(parts).encode()).digest())
    return text.decode().lower()[:_ID_LENGTH]
