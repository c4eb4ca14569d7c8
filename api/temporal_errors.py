"""What Temporal's errors mean for a request. Nobody parses messages."""

from __future__ import annotations

from temporalio.client import RPCTimeoutOrCancelledError, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from contract.errors import Conflict, Unavailable

# The client raises a bare RuntimeError when it cannot even connect.
TEMPORAL_TROUBLE = (RPCError, RPCTimeoutOrCancelledError, TimeoutError, RuntimeError)


class TemporalAway(Unavailable):
    """Temporal could not be asked, or did not say what became of the request."""

    def __init__(self) -> None:
        super().__init__("The durable engine does not answer; try again in a moment.")


class WorkerAbsent(Unavailable):
    def __init__(self) -> None:
        super().__init__("Nobody takes calls at the moment; try again in a moment.")


class CallEnded(Conflict):
    code = "call-ended"

    def __init__(self) -> None:
        super().__init__("The call is over.")


def is_not_found(error: BaseException) -> bool:
    """No workflow runs under that id: never started, or closed."""
    return isinstance(error, RPCError) and error.status == RPCStatusCode.NOT_FOUND


def failure_type(error: WorkflowUpdateFailedError) -> str:
    return (error.cause.type or "") if isinstance(error.cause, ApplicationError) else ""
