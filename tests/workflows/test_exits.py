"""What may have rung somebody up, and what certainly did not."""

from __future__ import annotations

import pytest
from temporalio.exceptions import ActivityError, ApplicationError, TimeoutError, TimeoutType

from contract.endings import EndedReason
from contract.phone import PHONE_THERE_ERROR, NotDialled
from workflows.exits import ending_from, ending_of_what_was_not_dialled


def failed(cause: BaseException) -> ActivityError:
    error = ActivityError(
        "Activity task failed",
        scheduled_event_id=1,
        started_event_id=2,
        identity="bridge",
        activity_type="dial_phone",
        activity_id="1",
        retry_state=None,
    )
    error.__cause__ = cause
    return error


def timed_out(kind: TimeoutType) -> ActivityError:
    return failed(TimeoutError("timed out", type=kind, last_heartbeat_details=[]))


@pytest.mark.parametrize("why", NotDialled)
def test_what_was_not_dialled_has_an_ending_in_its_own_words(why: NotDialled) -> None:
    error = failed(ApplicationError("In words.", type=why.value, non_retryable=True))
    ending = ending_of_what_was_not_dialled(error)
    assert ending is not None
    assert ending.detail == "In words."
    assert ending_from(error) == ending


def test_what_nobody_took_was_not_dialled() -> None:
    ending = ending_of_what_was_not_dialled(timed_out(TimeoutType.SCHEDULE_TO_START))
    assert ending is not None
    assert ending.reason is EndedReason.PLATFORM_ERROR


@pytest.mark.parametrize(
    "error",
    [
        timed_out(TimeoutType.START_TO_CLOSE),
        timed_out(TimeoutType.HEARTBEAT),
        failed(ApplicationError("There is one.", type=PHONE_THERE_ERROR)),
        failed(ApplicationError("A bug.", type="KeyError")),
    ],
)
def test_everything_else_may_have_rung_somebody_up(error: ActivityError) -> None:
    assert ending_of_what_was_not_dialled(error) is None
