"""Hands deliveries from the store to Temporal: each becomes a workflow of its own.

Whoever writes an event leaves its deliveries in the store, within the same transaction, and goes
on; a call never waits for a webhook. A process that dies meanwhile leaves them to the next one, and
two that take the same ones start one workflow, whose id is the delivery's.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

import structlog
from temporalio.client import Client
from temporalio.common import (
    SearchAttributeKey,
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDReusePolicy,
)
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from contract.webhooks import (
    DELIVERY_WORKFLOW,
    WITHDRAW_SIGNAL,
    DeliveryRequest,
    DeliveryStatus,
)
from store.database import Database
from store.webhook_deliveries import Deliveries, Delivery

# What another process wrote (a redelivery through the API, a deleted webhook) is found this late.
_LOOK_SECONDS = 2.0
_AT_ONCE = 100
# The same names as in workflows/search_attributes.py.
_TENANT_ID = SearchAttributeKey.for_keyword("TenantId")
_WEBHOOK_STATUS = SearchAttributeKey.for_keyword("WebhookStatus")

log = structlog.get_logger()


class WebhookOutbox:
    def __init__(self, database: Database, temporal: Client, task_queue: str) -> None:
        self._database = database
        self._temporal = temporal
        self._task_queue = task_queue
        self._news = asyncio.Event()

    def wake(self) -> None:
        """There may be something new."""
        self._news.set()

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            self._news.clear()
            try:
                while await self.hand_over() == _AT_ONCE:
                    pass
            except Exception as error:  # whatever is away, the deliveries stay where they are
                log.warning("webhooks_wait", error=type(error).__name__)
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_SECONDS):
                    await self._news.wait()

    async def hand_over(self) -> int:
        """How many were waiting, of at most a hundred."""
        async with self._database.reader() as session:
            waiting = await Deliveries(session).not_handed(_AT_ONCE)
        for delivery in waiting:
            await self._tell_temporal(delivery)
            async with self._database.session() as session:
                await Deliveries(session).hand(delivery.row.id, delivery.row.status)
        return len(waiting)

    async def _tell_temporal(self, delivery: Delivery) -> None:
        match delivery.row.status:
            case DeliveryStatus.PENDING:
                await self._start(delivery)
            case DeliveryStatus.CANCELLED:
                await self._withdraw(delivery)

    async def _start(self, delivery: Delivery) -> None:
        row, event = delivery.row, delivery.event
        request = DeliveryRequest(
            delivery_id=row.id,
            tenant_id=row.tenant_id,
            webhook_id=row.webhook_id,
            event_id=event.id,
            event_type=event.type,
            call_id=event.call_id,
        )
        again = f", delivery {row.number}" if row.number > 1 else ""
        with suppress(WorkflowAlreadyStartedError):
            await self._temporal.start_workflow(
                DELIVERY_WORKFLOW,
                request,
                id=row.id,
                task_queue=self._task_queue,
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                search_attributes=TypedSearchAttributes(
                    [
                        SearchAttributePair(_TENANT_ID, row.tenant_id),
                        SearchAttributePair(_WEBHOOK_STATUS, DeliveryStatus.PENDING.value),
                    ]
                ),
                static_summary=f"{event.type} to {row.webhook_id}{again}",
                static_details=f"Of the call `{event.call_id}`, tenant `{row.tenant_id}`.",
            )

    async def _withdraw(self, delivery: Delivery) -> None:
        try:
            await self._temporal.get_workflow_handle(delivery.row.id).signal(WITHDRAW_SIGNAL)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:  # it ended by itself, or never began
                raise
