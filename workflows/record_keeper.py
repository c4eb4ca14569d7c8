"""Keeps the store's record and the search attributes in step with what the call knows."""

from __future__ import annotations

import asyncio
from typing import Any

from temporalio import workflow
from temporalio.common import SearchAttributeUpdate
from temporalio.exceptions import ActivityError

from contract.calls import CallStatus
from contract.endings import CallEnding, EndedBy, EndedReason
from contract.steps import WriteRecord
from workflows import options, steps
from workflows import search_attributes as keys
from workflows.call_state import CallState
from workflows.exits import is_call_unknown
from workflows.waiting import within

_IN_TALK = {CallStatus.IN_PROGRESS, CallStatus.ON_HOLD}


class RecordKeeper:
    """Writes what is new, in batches: news that comes while it writes goes with the next one."""

    def __init__(self, state: CallState) -> None:
        self._state = state
        self._written = CallStatus.QUEUED
        self._shown_on_hold = False
        self._floods = 0
        self._finished = False
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._keep())

    async def finish(self) -> None:
        """Returns when the store has everything."""
        self._finished = True
        if self._task is not None:
            await self._task

    async def _keep(self) -> None:
        while True:
            await workflow.wait_condition(lambda: self._has_news or self._finished)
            await self._pause()
            if self._status_changed or self._state.journal.has_news:
                await self._write()
            elif self._finished:
                return

    async def _pause(self) -> None:
        """Every write costs events in a history that has room for 51,200 of them."""
        if self._is_urgent or self._finished:
            return
        self._floods += 1
        if self._floods > options.PROMPT_FLOODS:
            await within(
                options.FLOOD_PAUSE,
                lambda: self._is_urgent or self._finished,
                "More of the same goes with the next write",
            )

    @property
    def _has_news(self) -> bool:
        journal = self._state.journal
        return journal.has_urgent_news or journal.has_flood or self._status_changed

    @property
    def _is_urgent(self) -> bool:
        flaps = {self._state.status, self._written} <= _IN_TALK
        return self._state.journal.has_urgent_news or (self._status_changed and not flaps)

    @property
    def _status_changed(self) -> bool:
        return self._state.status is not self._written

    async def _write(self) -> None:
        state, status = self._state, self._state.status
        changed = status is not self._written
        ended = status is CallStatus.ENDED
        update = WriteRecord(
            call_id=state.request.call_id,
            status=status if changed else None,
            answered_at=state.answered_at if changed else None,
            ended_at=state.ended_at if changed and ended else None,
            ending=state.ending if changed and ended else None,
            talk_seconds=state.talk_seconds if changed and ended else None,
            entries=state.journal.take(),
        )
        self._written = status
        if changed:
            self._show()
        try:
            await steps.write_record(update, self._summary(update))
        except ActivityError as error:
            self._withdrawn(error)

    def _withdrawn(self, error: ActivityError) -> None:
        """The API takes its row back when it could not be sure that the call had started."""
        if not is_call_unknown(error):
            raise error
        self._state.end(
            CallEnding(EndedReason.CANCELLED, EndedBy.PLATFORM, "The call was withdrawn."),
            workflow.now(),
        )

    @staticmethod
    def _summary(update: WriteRecord) -> str:
        text = update.entries[-1].text if update.entries else f"now {update.status}"
        return f"Write: {text}"[:180]

    def _show(self) -> None:
        """What Temporal's UI and its searches show; one upsert a change of status."""
        state = self._state
        news: list[SearchAttributeUpdate[Any]] = [keys.CALL_STATUS.value_set(state.status.value)]
        on_hold = state.status is CallStatus.ON_HOLD
        if on_hold != self._shown_on_hold:
            self._shown_on_hold = on_hold
            news.append(keys.ON_HOLD.value_set(on_hold))
        if state.answered_at:
            news.append(keys.ANSWERED_AT.value_set(state.answered_at))
        if state.request.adopted and state.request.assistant_id:
            news += [
                keys.ASSISTANT_ID.value_set(state.request.assistant_id),
                keys.TENANT_ID.value_set(state.request.tenant_id),
            ]
        if state.ending is not None:
            news += [
                keys.ENDED_REASON.value_set(state.ending.reason.value),
                keys.ENDED_BY.value_set(state.ending.ended_by.value),
                keys.TALK_SECONDS.value_set(round(state.talk_seconds)),
            ]
        workflow.upsert_search_attributes(news)
        workflow.set_current_details(self._details())

    def _details(self) -> str:
        state = self._state
        lines = [f"**{state.status.value.replace('_', ' ')}**"]
        if state.answered_at:
            lines.append(f"answered at {state.answered_at:%H:%M:%S} UTC")
        if state.ending:
            lines.append(f"{state.ending.reason} by {state.ending.ended_by}: {state.ending.detail}")
        return "  \n".join(lines)
