"""A tenant's webhooks; their secrets are shown once and kept sealed."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from api.http_url import host_of
from api.idempotency import Asked
from api.merge_patch import patched
from api.parts import Parts
from api.problems import wrong_field
from api.sealed_secrets import NoPayloadKeys
from api.webhooks.schemas import (
    Rotation,
    WebhookCreate,
    WebhookRead,
    WebhookUpdate,
    WebhookWithSecret,
)
from contract.errors import Conflict
from contract.webhooks import new_secret
from store.idempotency import IdempotencyKeys
from store.webhook_deliveries import Deliveries
from store.webhook_models import WebhookRow
from store.webhooks import Webhooks, secret_place


class SecretShownOnce(Conflict):
    """To repeat the first answer we would have to show the secret again."""

    code = "webhook-secret-shown-once"

    def __init__(self, webhook_id: str) -> None:
        super().__init__(
            f"This request has made a secret of the webhook {webhook_id} already, which was shown "
            "once. If it got lost, rotate it with a new Idempotency-Key."
        )


class TenantWebhooks:
    """One tenant's webhooks within one transaction."""

    def __init__(self, session: AsyncSession, parts: Parts, tenant_id: str) -> None:
        self._session = session
        self._webhooks = Webhooks(session)
        self._sealing = parts.sealing
        self._targets = parts.settings.webhook_targets
        self._tenant_id = tenant_id

    async def create(self, request: Asked, body: WebhookCreate) -> WebhookWithSecret:
        """Raises SecretShownOnce, TooManyWebhooks, NoPayloadKeys, RequestValidationError."""

        async def make() -> WebhookWithSecret:
            self._check(body)
            webhook_id = f"hook_{secrets.token_hex(8)}"
            secret, sealed = self._new_secret(webhook_id)
            row = WebhookRow(
                tenant_id=self._tenant_id,
                id=webhook_id,
                sealed_secret=sealed,
                **body.model_dump(mode="json"),
            )
            await self._webhooks.create(row)
            return _with_secret(row, secret)

        return await self._shown_once(request, make)

    async def rotate(self, webhook_id: str, request: Asked, body: Rotation) -> WebhookWithSecret:
        """Raises SecretShownOnce, WebhookUnknown, NoPayloadKeys."""

        async def make() -> WebhookWithSecret:
            row = await self._webhooks.get(self._tenant_id, webhook_id, for_update=True)
            secret, sealed = self._new_secret(webhook_id)
            now = datetime.now(UTC)
            row.sealed_previous_secret = row.sealed_secret if body.overlap_seconds else None
            row.previous_secret_until = (
                now + timedelta(seconds=body.overlap_seconds) if body.overlap_seconds else None
            )
            row.sealed_secret = sealed
            row.updated_at = now
            return _with_secret(row, secret)

        return await self._shown_once(request, make)

    async def change(self, webhook_id: str, changes: dict[str, Any]) -> WebhookRead:
        """Raises WebhookUnknown, RequestValidationError."""
        row = await self._webhooks.get(self._tenant_id, webhook_id, for_update=True)
        known = {name: getattr(row, name) for name in WebhookUpdate.model_fields}
        body = patched(WebhookUpdate, known, changes)
        if body.url != row.url:  # one that is not allowed any more can still be switched off
            self._check(body)
        for name, value in body.model_dump(mode="json").items():
            setattr(row, name, value)
        if "enabled" in changes:
            row.disabled_reason = None
        row.updated_at = datetime.now(UTC)
        return WebhookRead.model_validate(row)

    async def delete(self, webhook_id: str) -> None:
        """What is on its way is cancelled. Raises WebhookUnknown."""
        await self._webhooks.delete(self._tenant_id, webhook_id)
        await Deliveries(self._session).cancel_pending(self._tenant_id, webhook_id)

    async def _shown_once(
        self, request: Asked, make: Callable[[], Awaitable[WebhookWithSecret]]
    ) -> WebhookWithSecret:
        keys = IdempotencyKeys(self._session)
        if request.key is None:
            return await make()
        kept = await keys.answer_of(
            request.tenant_id, request.key, request.fingerprint, request.operation
        )
        if kept is not None:
            raise SecretShownOnce(kept["id"])
        made = await make()
        await keys.keep_answer(request.tenant_id, request.key, {"id": made.id})
        return made

    def _check(self, body: WebhookUpdate) -> None:
        if not self._targets.allow_host(host_of(body.url)):
            raise wrong_field(
                ("url",),
                "must not lead to a private address; WEBHOOK_PRIVATE_NETWORKS names exceptions",
                "value_error",
            )

    def _new_secret(self, webhook_id: str) -> tuple[str, str]:
        """In clear, and sealed."""
        if self._sealing is None:
            raise NoPayloadKeys("A webhook's secret is", "no webhook")
        secret = new_secret()
        return secret, self._sealing.seal(secret, secret_place(self._tenant_id, webhook_id))


def _with_secret(row: WebhookRow, secret: str) -> WebhookWithSecret:
    return WebhookWithSecret(**WebhookRead.model_validate(row).model_dump(), secret=secret)
