"""The part of the worker that tells tenants of their calls, apart from the calls themselves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

from temporalio.client import Client
from temporalio.worker import Worker

from activities.call_log import CallLog
from activities.settings import WorkerSettings
from activities.webhook_http import WebhookSender
from activities.webhook_outbox import WebhookOutbox
from activities.webhooks import WebhookActivities
from engine.sealing import Sealing
from store.database import Database

_UNDER_WAY = 100  # at once, in one process


class WebhookWorker:
    """`outbox` hands deliveries over, `activities` make their attempts."""

    def __init__(
        self,
        client: Client,
        database: Database,
        sealing: Sealing | None,
        settings: WorkerSettings,
    ) -> None:
        self._client = client
        self._settings = settings
        self.outbox = WebhookOutbox(database, client, settings.call_task_queue)
        sender = WebhookSender(settings.webhook_targets)
        self.activities = WebhookActivities(database, sealing, sender)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with self._sending():
            handing_over = asyncio.create_task(self.outbox.run())
            try:
                yield
            finally:
                handing_over.cancel()
                with suppress(asyncio.CancelledError):
                    await handing_over

    def _sending(self) -> Worker:
        """With slots of its own: receivers that keep silent must not keep calls waiting."""
        return Worker(
            self._client,
            task_queue=self._settings.webhook_task_queue,
            activities=[self.activities.send_webhook],
            max_concurrent_activities=_UNDER_WAY,
            graceful_shutdown_timeout=timedelta(seconds=self._settings.shutdown_grace_seconds),
            interceptors=[CallLog()],
        )
