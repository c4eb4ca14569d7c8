"""One event on its way to one receiver, for up to three days.

Attempts are made here and not by Temporal's activity retries: so each is in the history, with what
was answered and how long we wait for the next.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

from temporalio import workflow
from temporalio.common import VersioningBehavior
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from contract.steps import Step
    from contract.webhooks import (
        DELIVERY_WORKFLOW,
        DeliveryReport,
        DeliveryRequest,
        DeliveryStatus,
        NoteWebhook,
        SendOutcome,
        SendWebhook,
        WebhookSent,
    )
    from workflows import options
    from workflows import search_attributes as keys
    from workflows.steps import do

_STATUS = {
    SendOutcome.DELIVERED: DeliveryStatus.DELIVERED,
    SendOutcome.FAILED: DeliveryStatus.PENDING,
    SendOutcome.HOPELESS: DeliveryStatus.DEAD,
    SendOutcome.WITHDRAWN: DeliveryStatus.CANCELLED,
}
_GIVEN_UP = "An operator cancelled it."


@workflow.defn
class WebhookDeliveryWorkflow:
    """Sends, waits, sends again; ends delivered, as a dead letter, or cancelled."""

    @workflow.init
    def __init__(self, request: DeliveryRequest) -> None:
        self._request = request
        self._withdrawn = False
        self._given_up = False

    @workflow.run
    async def run(self, request: DeliveryRequest) -> DeliveryReport:
        delivering = asyncio.create_task(self._deliver())
        while not delivering.done():
            try:
                await asyncio.shield(delivering)
            except asyncio.CancelledError:
                # An operator's. The attempt that is under way is still written down, and so is
                # this: what is on its way for ever could never be delivered again.
                self._given_up = True
        return delivering.result()

    async def _deliver(self) -> DeliveryReport:
        for attempt, pause in enumerate((*options.WEBHOOK_PAUSES, None), start=1):
            sent = await self._send(attempt)
            status = _STATUS[sent.outcome]
            if status is DeliveryStatus.PENDING and pause is None:
                status = DeliveryStatus.DEAD
            wait = max(pause or timedelta(0), timedelta(seconds=sent.retry_after or 0))
            await self._note(attempt, sent, status, wait)
            if status is not DeliveryStatus.PENDING:
                break
            await self._wait(attempt, wait, sent.detail)
            if self._given_up:
                status, sent = DeliveryStatus.DEAD, replace(sent, detail=_GIVEN_UP)
                await self._note(attempt, sent, status, timedelta(0))
                break
        return DeliveryReport(status, attempt, sent.detail)

    @workflow.signal(description="The webhook was deleted")
    def withdraw(self) -> None:
        self._withdrawn = True

    async def _send(self, attempt: int) -> WebhookSent:
        kind = self._request.event_type
        try:
            return await do(
                Step.SEND_WEBHOOK,
                SendWebhook(self._request.delivery_id, attempt),
                WebhookSent,
                f"Send {kind}, attempt {attempt}",
                {**options.SEND_WEBHOOK, "task_queue": self._sending_queue},
            )
        except ActivityError as error:
            # It may have arrived all the same: the next attempt has the same webhook-id.
            return WebhookSent(
                outcome=SendOutcome.FAILED,
                at=workflow.now(),
                detail=f"What became of it is not known: {error.cause or error}"[:300],
            )

    @property
    def _sending_queue(self) -> str:
        """As EngineSettings.webhook_task_queue has it."""
        return f"{workflow.info().task_queue}-webhooks"

    async def _note(
        self, attempt: int, sent: WebhookSent, status: DeliveryStatus, wait: timedelta
    ) -> None:
        is_over = status is not DeliveryStatus.PENDING
        if is_over:
            workflow.upsert_search_attributes([keys.WEBHOOK_STATUS.value_set(status.value)])
        workflow.set_current_details(f"**{status.value}**  \nattempt {attempt}: {sent.detail}")
        await do(
            Step.NOTE_WEBHOOK,
            NoteWebhook(
                delivery_id=self._request.delivery_id,
                attempt=attempt,
                sent=sent,
                status=status,
                next_at=None if is_over else workflow.now() + wait,
            ),
            type(None),
            f"Write: {status.value}. {sent.detail}"[:180],
            options.WRITE_RECORD,
        )

    async def _wait(self, attempt: int, wait: timedelta, why: str) -> None:
        try:
            await workflow.wait_condition(
                lambda: self._withdrawn or self._given_up,
                timeout=wait,
                timeout_summary=f"Attempt {attempt + 1} in {wait}: {why}"[:180],
            )
        except TimeoutError:
            return


# Not pinned as calls are: it may last for days, and an old build would have to stay for its sake. A
# class of its own for the same reason as VersionedRoomWatchWorkflow.
@workflow.defn(name=DELIVERY_WORKFLOW, versioning_behavior=VersioningBehavior.AUTO_UPGRADE)
class VersionedWebhookDeliveryWorkflow(WebhookDeliveryWorkflow):
    """The same, on workers with a version: it moves on to the newest build."""

    @workflow.init
    def __init__(self, request: DeliveryRequest) -> None:
        super().__init__(request)

    @workflow.run
    async def run(self, request: DeliveryRequest) -> DeliveryReport:
        return await super().run(request)
