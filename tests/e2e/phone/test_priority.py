"""Whether the bridge goes before others where it may, with all the threads that carry sound."""

from __future__ import annotations

import os
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.e2e.phone.phone_call import PhoneLines
from tests.e2e.switchboard import Switchboard

pytestmark = [
    pytest.mark.stack,
    pytest.mark.real_time,  # shares the stack of those beside it
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.skipif(
        sys.platform != "linux" or os.geteuid() != 0, reason="others may not, and are not asked to"
    ),
]

SOUND = {"livekit-audio", "tokio-rt-worker", "AudioEncoderQue"}
EARLIER = (os.SCHED_RR, os.SCHED_FIFO)


def priorities(pid: int) -> dict[int, Counter[str]]:
    """Names of the threads, by scheduling policy."""
    found: dict[int, Counter[str]] = {}
    for task in Path(f"/proc/{pid}/task").iterdir():
        policy = os.sched_getscheduler(int(task.name))
        found.setdefault(policy, Counter())[(task / "comm").read_text().strip()] += 1
    return found


async def test_what_carries_sound_goes_before_others(
    switchboard: Switchboard, lines: PhoneLines
) -> None:
    phone = await lines.call("0100", record=False)
    await phone.answered(timeout=60)
    [bridge] = switchboard.stack.pids("bridge")
    main, found = os.sched_getscheduler(bridge), priorities(bridge)
    await phone.hang_up()
    assert main == os.SCHED_RR  # takes and gives the sound, every 20 ms
    # WebRTC gives some of its threads SCHED_FIFO itself, where it may.
    assert {name for policy in EARLIER for name in found.get(policy, ())} >= SOUND, found
    assert not SOUND & set(found.get(os.SCHED_OTHER, ())), found
