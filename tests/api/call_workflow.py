"""A small real workflow under the names of the real one: opens at once, keeps what it is told.

Its telephone is answered at once, hangs up at the key `#`, and is transferred to nobody whose
number ends in 9.
"""

from __future__ import annotations

from typing import Any

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from contract.calls import (
        CallRequest,
        DtmfCommand,
        HangupAnswer,
        HangupCommand,
        HoldAnswer,
        HoldCommand,
        LanguageAnswer,
        LanguageCommand,
        PlayAnswer,
        PlayCommand,
        RecordingStatus,
        RoomReady,
        StopPlayingCommand,
        TransferAnswer,
        TransferCommand,
    )
    from contract.endings import EndedBy, EndedReason
    from contract.holds import Holder
    from contract.recordings import RecordingReport, RecordingRetry

BROKEN_ASSISTANT = "without-livekit"


@workflow.defn(name="CallWorkflow")
class StandInCall:
    @workflow.init
    def __init__(self, request: CallRequest) -> None:
        self._request = request
        self._facts: list[dict[str, Any]] = []
        self._is_over = False
        self._holders: set[Holder] = set()
        self._pressed: list[str] = []
        self._played: list[PlayCommand] = []

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

    @workflow.update
    def hold(self, command: HoldCommand) -> HoldAnswer:
        self._refuse("call-not-answered", command.reason == "too early")
        self._holders.add(command.holder)
        return HoldAnswer(tuple(sorted(self._holders)))

    @workflow.update
    def resume(self, command: HoldCommand) -> HoldAnswer:
        self._refuse("call-not-held", command.holder not in self._holders)
        self._holders.discard(command.holder)
        return HoldAnswer(tuple(sorted(self._holders)))

    @workflow.update
    def language(self, command: LanguageCommand) -> LanguageAnswer:
        self._refuse("call-not-transcribed", not self._request.transcribe)
        return LanguageAnswer(command.language)

    @workflow.update
    def play(self, command: PlayCommand) -> PlayAnswer:
        self._refuse("call-on-hold", bool(self._holders))
        self._refuse("clip-replaced", command.asset_url.endswith("slow.mp3"))
        self._played.append(command)
        return PlayAnswer(f"media-{len(self._played)}")

    @workflow.update
    def stop_playing(self, command: StopPlayingCommand) -> None:
        self._refuse("call-not-answered", False)
        self._played.clear()

    @workflow.update
    def dtmf(self, command: DtmfCommand) -> None:
        self._refuse("no-phone-leg", self._request.phone is None)
        self._pressed.append(command.digits)
        self._is_over = command.digits.endswith("#")

    @workflow.update
    def transfer(self, command: TransferCommand) -> TransferAnswer:
        if command.to_number.endswith("9"):
            raise ApplicationError(
                "The far side answered 403 Forbidden.", type="transfer-refused", non_retryable=True
            )
        self._is_over = True
        return TransferAnswer(200, "OK")

    def _refuse(self, kind: str, when: bool) -> None:
        for type_, holds in (("call-ended", self._is_over), (kind, when)):
            if holds:
                raise ApplicationError("Not to be shown.", type=type_, non_retryable=True)

    @workflow.query
    def pressed(self) -> list[str]:
        return self._pressed

    @workflow.query
    def played(self) -> list[PlayCommand]:
        return self._played

    @workflow.query
    def facts(self) -> list[dict[str, Any]]:
        return self._facts

    @workflow.query
    def request(self) -> CallRequest:
        return self._request


@workflow.defn(name="RecordingWorkflow")
class StandInRecording:
    """Needs attention; the reason of a retry says what becomes of it. It ends when it is whole."""

    def __init__(self) -> None:
        self._seen: list[dict[str, Any]] = []
        self._retries: list[RecordingRetry] = []
        self._is_whole = False
        self._works = False
        self._may_end = False

    @workflow.run
    async def run(self) -> None:
        await workflow.wait_condition(lambda: self._is_whole)
        await workflow.wait_condition(workflow.all_handlers_finished)

    @workflow.signal
    def egress(self, seen: dict[str, Any]) -> None:
        self._seen.append(seen)

    @workflow.update
    async def retry(self, command: RecordingRetry) -> RecordingReport:
        self._retries.append(command)
        if command.reason == "takes long":
            self._works = True
            await workflow.wait_condition(lambda: self._may_end)
            self._works = False
        if command.reason == "still away":
            return _report(RecordingStatus.NEEDS_ATTENTION, "The store answered 503.")
        self._is_whole = True
        return _report(RecordingStatus.READY, "The recording is whole: 7.6 s.")

    @retry.validator
    def _retry_is_possible(self, command: RecordingRetry) -> None:
        for type_, holds in (
            ("retry-under-way", self._works),
            ("recording-not-failed", command.reason == "too early"),
        ):
            if holds:
                raise ApplicationError("Not to be shown.", type=type_, non_retryable=True)

    @workflow.signal
    def let_end(self) -> None:
        self._may_end = True

    @workflow.query
    def seen(self) -> list[dict[str, Any]]:
        return self._seen

    @workflow.query
    def retries(self) -> list[RecordingRetry]:
        return self._retries


def _report(status: RecordingStatus, detail: str) -> RecordingReport:
    return RecordingReport(status=status, attempts=1, detail=detail)
