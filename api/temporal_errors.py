"""What Temporal's errors mean for a request. Nobody parses messages."""

from __future__ import annotations

from temporalio.client import RPCTimeoutOrCancelledError, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from contract.errors import Conflict, PlatformError, Unavailable

# The client raises a bare RuntimeError when it cannot even connect.
TEMPORAL_TROUBLE = (RPCError, RPCTimeoutOrCancelledError, TimeoutError, RuntimeError)


class TemporalAway(Unavailable):
    """Temporal could not be asked, or did not say what became of the request."""

    def __init__(self) -> None:
        super().__init__("The durable engine does not answer; try again in a moment.")


class WorkerAbsent(Unavailable):
    def __init__(self) -> None:
        super().__init__("Nobody takes calls at the moment; try again in a moment.")


class CallRefuses(Conflict):
    """What the call's state forbids."""


class CallEnded(CallRefuses):
    code = "call-ended"

    def __init__(self) -> None:
        super().__init__("The call is over.")


class CallNotAnswered(CallRefuses):
    code = "call-not-answered"

    def __init__(self) -> None:
        super().__init__(
            "Nobody has answered the call yet; wait for the status in_progress, or hang up."
        )


class CallNotHeld(CallRefuses):
    code = "call-not-held"

    def __init__(self) -> None:
        super().__init__(
            "The call is not on hold by us; what the far side holds, only the far side resumes."
        )


class CallOnHold(CallRefuses):
    code = "call-on-hold"

    def __init__(self) -> None:
        super().__init__(
            "The call is on hold, and who is held hears the hold music; resume it first."
        )


class ClipReplaced(CallRefuses):
    code = "clip-replaced"

    def __init__(self) -> None:
        super().__init__("Another clip, or a hold, came in between.")


class NoPhoneLeg(CallRefuses):
    code = "no-phone-leg"

    def __init__(self) -> None:
        super().__init__("There is no telephone on this call (any more) that could do that.")


class CallNotTranscribed(CallRefuses):
    code = "call-not-transcribed"

    def __init__(self) -> None:
        super().__init__("This call is not transcribed: its assistant has no `transcribe`.")


class TransferRefused(CallRefuses):
    code = "transfer-refused"

    def __init__(self, why: str = "") -> None:
        super().__init__(
            f"{why.strip()} The call goes on as it was; try another number, or ask the trunk's "
            "carrier whether it lets calls be transferred (SIP REFER).".strip()
        )


_REFUSALS = (
    CallEnded,
    CallNotAnswered,
    CallNotHeld,
    CallNotTranscribed,
    NoPhoneLeg,
    CallOnHold,
    ClipReplaced,
)
_LONGEST_WHY = 200
# The call ended while it worked on the update.
_OVERTAKEN = "AcceptedUpdateCompletedWorkflow"


def refusal_of(error: WorkflowUpdateFailedError) -> PlatformError:
    """What a call says against a command."""
    kind = failure_type(error)
    if kind == TransferRefused.code:
        return TransferRefused(getattr(error.cause, "message", "")[:_LONGEST_WHY])
    if kind == _OVERTAKEN:
        return CallEnded()
    for refusal in _REFUSALS:
        if kind == refusal.code:
            return refusal()
    return Unavailable("The call could not do that now; read it, and try again.")


def is_not_found(error: BaseException) -> bool:
    """No workflow runs under that id: never started, or closed."""
    return isinstance(error, RPCError) and error.status == RPCStatusCode.NOT_FOUND


def failure_type(error: WorkflowUpdateFailedError) -> str:
    return (error.cause.type or "") if isinstance(error.cause, ApplicationError) else ""
