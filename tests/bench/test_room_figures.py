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
    found = chirps.delays(sent, chirps.moments(heard, rate), since=0.0)
    assert found == pytest.approx([80.5] * len(sent), abs=1.0)


def test_where_nothing_was_heard_nothing_is_found() -> None:
    assert chirps.moments([(at * 0.02, bytes(320)) for at in range(100)], 8000) == []
    assert chirps.moments([], 8000) == []
    assert chirps.delays([0.0, 0.7], [], since=0.0) == []


@pytest.mark.stack
@pytest.mark.real_time
async def test_phones_and_people_hear_each_other_through_the_legs() -> None:
    async with server() as (stack, _):
        ran = await run(stack, 2, 5.0, watched=1)
    carried = ran.carried
    assert carried.received == pytest.approx(2 * 50 * carried.seconds, rel=0.2)
    # One tick to say and one to hear, each 20 ms.
    assert len(carried.late_ms) + carried.missed == pytest.approx(2 * carried.received, rel=0.2)
    assert 0 < carried.cpu_seconds < carried.seconds
    assert 3 <= len(ran.into) <= 8
    assert 3 <= len(ran.out) <= 8
    assert min(ran.into + ran.out) > 20
