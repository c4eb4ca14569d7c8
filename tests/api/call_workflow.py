"""A small real workflow under the names of the real one: opens at once, keeps what it is told."""

from __future__ import annotations

from typing import Any

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from contract.calls import CallRequest, HangupAnswer, HangupCommand, RoomReady
    from contract.endings import EndedBy, EndedReason

BROKEN_ASSISTANT = "without-livekit"


@workflow.defn(name="CallWorkflow")
class StandInCall:
    @workflow.init
    def __init__(self, request: CallRequest) -> None:
        self._request = request
        self._facts: list[dict[str, Any]] = []
        self._is_over = False

    @workflow.run
    async def run(self, request: CallRequest) -> str:
        await workflow.wait_condition(lambda: self._is_over)
        await workflow.wait_condition(workflow.all_handlers_finished)
        return "over"

    @workflow.signal
    def fact(self, raw: dict[str, Any]) -> None:
        self._facts.append(raw)
        if raw["kind"] in ("cancel_requested", "room_finished"):
            self._is_over = True

    @workflow.update
    async def room_ready(self) -> RoomReady:
        if self._request.assistant_id == BROKEN_ASSISTANT:
            self._is_over = True
            raise ApplicationError("LiveKit does not answer.", type="livekit-unavailable")
        return RoomReady(self._request.room_name, "RM_1")

    @workflow.update
    def hangup(self, command: HangupCommand) -> HangupAnswer:
        if self._is_over:
            raise ApplicationError("The call is over.", type="call-ended")
        self._is_over = True
        return HangupAnswer(EndedReason.OPERATOR_HUNG_UP, EndedBy.OPERATOR)

    @workflow.query
    def facts(self) -> list[dict[str, Any]]:
        return self._facts

    @workflow.query
    def request(self) -> CallRequest:
        return self._request


@workflow.defn(name="RecordingWorkflow")
class StandInRecording:
    def __init__(self) -> None:
        self._seen: list[dict[str, Any]] = []

    @workflow.run
    async def run(self) -> None:
        await workflow.wait_condition(lambda: False)

    @workflow.signal
    def egress(self, seen: dict[str, Any]) -> None:
        self._seen.append(seen)

    @workflow.query
    def seen(self) -> list[dict[str, Any]]:
        return self._seen
