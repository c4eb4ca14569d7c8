"""The media figures' two processes understand each other, and measure what they say."""

from __future__ import annotations

import pytest

from tests.bench.media import _relayed

pytestmark = [pytest.mark.slow, pytest.mark.real_time]  # it measures


async def test_phones_are_heard_and_answered() -> None:
    relayed, sent, received = await _relayed(3, 0.0, 1.0, watched=True)
    assert relayed.received == pytest.approx(sent, abs=10)
    assert received == pytest.approx(sent, rel=0.2)
    assert relayed.lost == 0
    # One to say and one to hear, each 20 ms.
    assert len(relayed.late_ms) + relayed.missed == pytest.approx(300, abs=40)
    assert 5 < sorted(relayed.waited_ms)[len(relayed.waited_ms) // 2] < 200
    assert relayed.cpu_seconds < relayed.seconds
