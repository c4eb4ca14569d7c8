"""Why a recording is not retried, each with the way out."""

from __future__ import annotations

from api.calls.schemas import CallRecording
from contract.calls import RecordingStatus
from contract.errors import Conflict
from contract.recordings import NOT_FAILED_ERROR, RETRY_RUNS_ERROR


class RetryRefused(Conflict):
    """What the recording's state forbids."""


class RecordingNotRequested(RetryRefused):
    code = "recording-not-requested"

    def __init__(self, why: str) -> None:
        why = why or "The call was not to be recorded: say `record` when it is started."
        super().__init__(f"There is no recording to retry. {why}")


class RecordingNotFailed(RetryRefused):
    code = NOT_FAILED_ERROR

    def __init__(self, status: RecordingStatus) -> None:
        super().__init__(_NOT_FAILED.get(status, _UNDER_WAY))


class RecordingClosed(RetryRefused):
    code = "recording-closed"

    def __init__(self, status: RecordingStatus) -> None:
        super().__init__(_CLOSED.get(status, _NOBODY_THERE))


class RetryUnderWay(RetryRefused):
    code = RETRY_RUNS_ERROR

    def __init__(self) -> None:
        super().__init__(
            "Somebody else's retry of this recording is under way; read the recording, and try "
            "again if that one does not mend it."
        )


_UNDER_WAY = (
    "The recording is under way, and mends by itself what it can; wait until it is `ready` or "
    "`needs_attention`."
)
_NOT_FAILED = {RecordingStatus.READY: "The recording is whole; read it for a link that plays it."}
_NOBODY_THERE = (
    "The recording's workflow is closed, so nobody can retry it. One that was cut off is taken up "
    "again within a minute: try then. For others the runbook says where the file may lie."
)
_CLOSED = {
    RecordingStatus.LOST: "The recording is lost for good; its `detail` says where it was looked "
    "for. Should its file turn up all the same, the runbook says where to put it.",
    RecordingStatus.DELETED: "The recording was deleted and cannot be brought back.",
}


def refused_by_state(known: CallRecording, *, is_closed: bool) -> RetryRefused:
    """A workflow that takes no retry, in the words that fit what the store knows.

    `is_closed`: that workflow is gone. The store may lag behind it for a moment.
    """
    if known.status is RecordingStatus.NOT_REQUESTED:
        return RecordingNotRequested(known.detail)
    if known.status in _CLOSED or (is_closed and known.status is RecordingStatus.NEEDS_ATTENTION):
        return RecordingClosed(known.status)
    return RecordingNotFailed(known.status)
