"""Calls that were cut off, as the janitor's activities tell of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError

from contract.calls import CallRequest
from contract.facts import Fact
from contract.janitor import NOT_CUT_OFF_ERROR, CallLeft, CallToFinish, CutOff, LeftBehind
from contract.steps import Step


class Left:
    """What `read_what_is_left` knows, by call, and what each look finds."""

    def __init__(self) -> None:
        self.begin = datetime.now(UTC) - timedelta(minutes=10)
        self.calls: dict[str, CallLeft] = {}
        self.looks: list[LeftBehind] = []
        self.look_error: ApplicationError | None = None

    def at(self, second: float) -> datetime:
        return self.begin + timedelta(seconds=second)

    def call(
        self, request: CallRequest, *facts: Fact, how: CutOff = CutOff.TERMINATED, **known: Any
    ) -> CallToFinish:
        """Cut off at second 60."""
        left = CallLeft(
            request=request,
            how=how,
            why="",
            by="",
            cut_off_at=self.at(60),
            last_heard_at=self.at(60),
            room_sid="RM_1",
            answered_at=None,
            ended_at=None,
            ending=None,
            facts=tuple(fact.to_dict() for fact in facts),
        )
        self.calls[request.call_id] = replace(left, **known)
        return CallToFinish(
            call_id=request.call_id,
            tenant_id=request.tenant_id,
            assistant_id=request.assistant_id,
        )

    @activity.defn(name=Step.LOOK_FOR_WHAT_IS_LEFT)
    async def look_for_what_is_left(self) -> LeftBehind:
        if self.look_error is not None:
            raise self.look_error
        return self.looks.pop(0)

    @activity.defn(name=Step.READ_WHAT_IS_LEFT)
    async def read_what_is_left(self, call_id: str) -> CallLeft:
        if call_id not in self.calls:
            raise ApplicationError("It runs.", type=NOT_CUT_OFF_ERROR, non_retryable=True)
        return self.calls[call_id]
