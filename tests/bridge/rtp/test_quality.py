"""The estimate of how a call sounded."""

from __future__ import annotations

import pytest

from bridge.rtp import mos


@pytest.mark.parametrize(
    ("loss", "delay_ms", "expected"),
    [
        (0.0, 0, 4.41),  # G.107's best: R = 93.2
        (0.0, 150, 4.34),
        (0.0, 400, 3.05),
        (0.02, 50, 4.2),
        (0.05, 100, 3.9),
        (0.3, 100, 2.05),
        (1.0, 1000, 1.0),
    ],
)
def test_mos(loss: float, delay_ms: float, expected: float) -> None:
    assert mos(loss=loss, delay_ms=delay_ms) == pytest.approx(expected, abs=0.2)


def test_mos_falls_with_loss_and_with_delay() -> None:
    losses = [mos(loss=share / 100, delay_ms=100) for share in range(0, 50, 5)]
    delays = [mos(loss=0.01, delay_ms=delay) for delay in range(0, 1000, 100)]
    assert losses == sorted(losses, reverse=True)
    assert delays == sorted(delays, reverse=True)
    assert 1 <= min(losses + delays) <= max(losses + delays) <= 4.5
