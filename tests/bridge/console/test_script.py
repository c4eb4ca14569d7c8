from __future__ import annotations

from collections.abc import Callable

import pytest

from bridge.console.script import (
    HoldFor,
    ScriptError,
    SendDigits,
    Step,
    TransferTo,
    digits_step,
    hold_step,
    seconds_of,
    transfer_step,
)


@pytest.mark.parametrize(
    ("read", "text", "step"),
    [
        (digits_step, "12#", SendDigits(1.0, "12#")),
        (digits_step, "12#@2.5s", SendDigits(2.5, "12#")),
        (hold_step, "2s@3s", HoldFor(3.0, 2.0)),
        (hold_step, "1m", HoldFor(1.0, 60.0)),
        (transfer_step, "sip:bob@10.0.0.2", TransferTo(1.0, "sip:bob@10.0.0.2")),
        (transfer_step, "sip:bob@10.0.0.2@5s", TransferTo(5.0, "sip:bob@10.0.0.2")),
    ],
)
def test_steps_are_read(read: Callable[[str], Step], text: str, step: Step) -> None:
    assert read(text) == step


def test_times_have_their_units() -> None:
    assert [seconds_of(text) for text in ("2", "2s", "500ms", "1m")] == [2.0, 2.0, 0.5, 60.0]


@pytest.mark.parametrize(
    ("read", "text"),
    [(digits_step, "12x"), (digits_step, ""), (hold_step, "long"), (hold_step, "2s@soon")],
)
def test_what_is_no_step_is_told_in_a_sentence(read: Callable[[str], Step], text: str) -> None:
    with pytest.raises(ScriptError, match=r"\w"):
        read(text)
