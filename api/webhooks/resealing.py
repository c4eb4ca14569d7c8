"""Webhooks' secrets follow the payload keys when these are changed."""

from __future__ import annotations

import structlog

from engine.sealing import Sealing
from store.database import Database
from store.webhook_models import WebhookRow
from store.webhooks import Webhooks, secret_place

log = structlog.get_logger()

_SECRETS = ("sealed_secret", "sealed_previous_secret")


async def reseal_secrets(database: Database, sealing: Sealing) -> None:
    """Seal anew with the first key what another one sealed. What no key opens stays as it is, for
    the day on which its key is given back."""
    resealed = 0
    async with database.session() as session:
        for row in await Webhooks(session).with_secrets():
            try:
                resealed += sum([_reseal(row, name, sealing) for name in _SECRETS])
            except ValueError as error:
                log.error(
                    "webhook_secret_does_not_open",
                    tenant_id=row.tenant_id,
                    webhook_id=row.id,
                    detail=str(error),
                )
    if resealed:
        log.info("webhook_secrets_resealed", count=resealed)


def _reseal(row: WebhookRow, name: str, sealing: Sealing) -> bool:
    sealed = getattr(row, name)
    if sealed is None or sealing.is_current(sealed):
        return False
    place = secret_place(row.tenant_id, row.id)
    setattr(row, name, sealing.seal(sealing.open(sealed, place), place))
    return True
