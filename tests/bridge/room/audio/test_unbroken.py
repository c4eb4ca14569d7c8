from __future__ import annotations

import logging
import threading
import time

import pytest

from bridge.room.unbroken import Keeper


class _Counting:
    def __init__(self, error: Exception | None = None) -> None:
        self.asked = 0
        self._error = error

    def keep_on(self, now: float) -> None:
        self.asked += 1
        if self._error is not None:
            raise self._error


def test_all_are_looked_after_while_the_main_thread_stands_still() -> None:
    keeper, kept = Keeper(), [_Counting(), _Counting()]
    for one in kept:
        keeper.add(one)
    time.sleep(0.3)
    for one in kept:
        keeper.remove(one)
    assert min(one.asked for one in kept) >= 5


def test_the_thread_ends_with_the_last_one_and_begins_again() -> None:
    keeper, kept = Keeper(), _Counting()
    for _ in range(2):
        keeper.add(kept)
        keeper.remove(kept)
        keeper.remove(kept)
        time.sleep(0.1)
        assert "keeper" not in [thread.name for thread in threading.enumerate()]


def test_one_that_fails_is_told_and_the_others_go_on(caplog: pytest.LogCaptureFixture) -> None:
    keeper, bad, good = Keeper(), _Counting(RuntimeError("broken")), _Counting()
    keeper.add(bad)
    keeper.add(good)
    with caplog.at_level(logging.ERROR):
        time.sleep(0.2)
    keeper.remove(good)
    assert bad.asked == 1
    assert good.asked > 2
    assert "broken" in caplog.text
