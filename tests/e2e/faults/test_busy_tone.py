"""No Atlas comes at all: whoever is on the line hears a busy tone to its end, then the room closes.

From the workflow's last try to the caller's ear; Media Bot's part alone is in
tests/agents/media_bot/test_playback_on_stack.py.
"""

from __future__ import annotations

import asyncio
import signal
import time

import numpy as np
import pytest

from contract.media import BUSY_CADENCE, BUSY_TONES, TONE_HERTZ
from sandbox.caller.hearing import FRAME_SECONDS, SAMPLE_RATE, is_loud
from sandbox.providers.mouth import Samples
from tests.agents.media_bot.sounds import loudest_hertz
from tests.e2e.faults.invariants import Truth, assert_hold
from tests.e2e.faults.system import System

pytestmark = [pytest.mark.stack, pytest.mark.asyncio(loop_scope="session")]

# Three tries of 4 s, four tones of 1 s, the way of the last sample, and a busy machine.
OVER_WITHIN = 40.0
_FRAME = int(SAMPLE_RATE * FRAME_SECONDS)
_PAUSE = 0.2  # seconds of silence that part one tone from the next


async def test_who_is_on_the_line_when_no_atlas_comes_hears_a_busy_tone_to_its_end(
    system: System,
) -> None:
    await system.stack.kill("atlas", signal.SIGTERM)
    call = await system.place_call(record=False)
    caller = await call.join()
    async with asyncio.timeout(OVER_WITHIN):
        await caller.left.wait()
    closed = time.monotonic()

    [bot] = caller.voices
    heard = caller.voices[bot]
    on, _ = BUSY_CADENCE
    tones = tones_in(heard.pcm())
    assert [len(each) / SAMPLE_RATE for each in tones] == pytest.approx([on] * BUSY_TONES, abs=0.1)
    for each in tones:
        assert loudest_hertz(each, SAMPLE_RATE) == pytest.approx(TONE_HERTZ, abs=10)
    # The asset ends with a pause of half a second; the caller's ear may be late.
    assert heard.last_loud is not None
    assert closed - heard.last_loud > 0.2
    truth = Truth(
        call_id=call.id,
        reason="assistant_failed",
        ended_by="platform",
        recording=frozenset({"not_requested"}),
    )
    await assert_hold(system, truth)
    told = [each["text"] for each in await system.timeline(call.id)]
    assert "The busy tone was played to its end." in told


def tones_in(pcm: Samples) -> list[Samples]:
    """What is loud in it, parted by pauses."""
    frames = pcm[: pcm.size // _FRAME * _FRAME].reshape(-1, _FRAME)
    loud = np.flatnonzero([is_loud(frame) for frame in frames])
    if not loud.size:
        return []
    parts = np.split(loud, np.flatnonzero(np.diff(loud) > _PAUSE / FRAME_SECONDS) + 1)
    return [frames[part[0] : part[-1] + 1].ravel() for part in parts]
