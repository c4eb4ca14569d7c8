from __future__ import annotations

import pytest

from contract.endings import EndedBy, EndedReason, ending_from_sip_status


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (486, EndedReason.BUSY),
        (600, EndedReason.BUSY),
        (480, EndedReason.NO_ANSWER),
        (408, EndedReason.NO_ANSWER),
        (404, EndedReason.INVALID_NUMBER),
        (410, EndedReason.INVALID_NUMBER),
        (484, EndedReason.INVALID_NUMBER),
        (604, EndedReason.INVALID_NUMBER),
        (603, EndedReason.REJECTED),
        (403, EndedReason.CARRIER_BLOCKED),
        (607, EndedReason.CARRIER_BLOCKED),
        (503, EndedReason.CARRIER_BLOCKED),
        (487, EndedReason.CANCELLED),
        (488, EndedReason.PROVIDER_ERROR),
        (500, EndedReason.PROVIDER_ERROR),
        (502, EndedReason.PROVIDER_ERROR),
    ],
)
def test_what_a_refusal_means(status: int, reason: EndedReason) -> None:
    assert ending_from_sip_status(status, "Phrase").reason is reason


def test_busy_is_the_callees_doing_and_says_what_was_answered() -> None:
    ending = ending_from_sip_status(486, "Busy Here")
    assert ending.ended_by is EndedBy.CALLEE
    assert ending.detail == "The far side answered 486 Busy Here."


def test_an_answer_is_no_ending() -> None:
    with pytest.raises(ValueError, match="200"):
        ending_from_sip_status(200)
