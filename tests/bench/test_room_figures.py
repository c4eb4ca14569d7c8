"""The legs' three processes understand each other, and measure what they say."""

from __future__ import annotations

import pytest

from tests.bench import chirps
from tests.bench.rooms import run, server


@pytest.mark.parametrize("rate", [8000, 16_000])
def test_a_chirp_is_found_again_to_the_millisecond(rate: int) -> None:
    frames = chirps.frames(rate) * 2
    sent = [at * 0.02 for at in range(0, len(frames), chirps.EVERY)]
    heard = [(at * 0.02 + 0.0805, pcm) for at, pcm in enumerate(frames)]
    found = chirps.delays(sent, heard, rate)
    assert found == pytest.approx([0.0805] * len(sent), abs=0.001)


def test_where_nothing_was_heard_nothing_is_found() -> None:
    quiet = [(at * 0.02, bytes(320)) for at in range(100)]
    assert chirps.delays([0.0, 0.7], quiet, 8000) == []
    assert chirps.delays([0.0], [], 8000) == []


@pytest.mark.stack
@pytest.mark.alone
async def test_phones_and_people_hear_each_other_through_the_legs() -> None:
    async with server() as (stack, _):
        ran = await run(stack, 2, 5.0, watched=1)
    carried = ran.carried
    assert carried.received == pytest.approx(2 * 50 * carried.seconds, rel=0.1)
    assert len(carried.late_ms) + carried.missed == pytest.approx(carried.received, rel=0.1)
    assert 0 < carried.cpu_seconds < carried.seconds
    assert 4 <= len(ran.into) <= 8
    assert 4 <= len(ran.out) <= 8
    assert min(ran.into + ran.out) > 20
