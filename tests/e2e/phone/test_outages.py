"""Parts away in the middle of a phone call: the conversation goes on, the end is truthful."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from datetime import UTC, datetime

import pytest

from tests.e2e.conversation import DOG, GREETING, OPENING_HOURS, answer_to
from tests.e2e.faults.atlas_jobs import job_pid
from tests.e2e.listening import VoiceEar
from tests.e2e.phone.phone_call import PhoneLines

pytestmark = [pytest.mark.stack, pytest.mark.real_time, pytest.mark.asyncio(loop_scope="session")]


@pytest.fixture
def ear(atlas: VoiceEar) -> VoiceEar:
    atlas.learn(GREETING)
    return atlas


async def test_temporal_is_away_for_half_a_minute(lines: PhoneLines, ear: VoiceEar) -> None:
    """Conversation, hold and keys go on; the timeline has them later, with their own times."""
    stack = lines.switchboard.stack
    call = await lines.call("0100")
    far = await call.answered()
    await far.hears(ear, GREETING)
    await stack.kill("temporal", signal.SIGSTOP)
    stopped = datetime.now(UTC)
    try:
        await far.say(OPENING_HOURS)
        await far.hears(ear, answer_to(OPENING_HOURS))
        await far.do(hold="sendonly")
        await far.do(listen=3)
        await far.resume()
        await far.do(dtmf="5")
        await far.say(DOG)
        await far.hears(ear, answer_to(DOG))
        rest = 30 - (datetime.now(UTC) - stopped).total_seconds()
        await asyncio.sleep(max(0.0, rest))
    finally:
        await stack.kill("temporal", signal.SIGCONT)
    back = datetime.now(UTC)
    assert (back - stopped).total_seconds() >= 30
    for kind in ("held", "resumed", "dtmf"):
        entry = await call.has_happened(kind, timeout=20)
        assert stopped < datetime.fromisoformat(entry["at"]) < back, (kind, entry)
    await far.hang_up()
    seen = await far.over()
    record = await call.settled(timeout=60)
    assert record.call["ended_reason"] == "callee_hung_up"
    assert record.call["talk_seconds"] == pytest.approx(seen["seconds"], abs=1.0)


async def test_the_phone_hangs_up_while_temporal_is_away(lines: PhoneLines, ear: VoiceEar) -> None:
    stack = lines.switchboard.stack
    call = await lines.call("0100", record=False)
    far = await call.answered()
    await far.hears(ear, GREETING)
    await stack.kill("temporal", signal.SIGSTOP)
    try:
        await far.hang_up()
        seen = await far.over(5)
        await asyncio.sleep(5)
    finally:
        await stack.kill("temporal", signal.SIGCONT)
    record = await call.settled(timeout=60)
    assert (record.call["ended_reason"], record.call["ended_by"]) == ("callee_hung_up", "callee")
    assert record.call["talk_seconds"] == pytest.approx(seen["seconds"], abs=1.0)


async def test_the_bridge_is_killed(lines: PhoneLines, ear: VoiceEar) -> None:
    """Noticed within 2 s; billed to the last moment anyone heard the phone."""
    stack = lines.switchboard.stack
    call = await lines.call("0100", record=False)
    far = await call.answered()
    await far.hears(ear, GREETING)
    killed, killed_at = datetime.now(UTC), time.monotonic()
    await stack.kill("bridge")
    try:
        lost = await call.has_happened("phone_lost", timeout=6)
        noticed = time.monotonic() - killed_at
        record = await call.settled(timeout=30)
    finally:
        await stack.start_process("bridge")
    print(f"bridge killed: in the timeline after {noticed:.1f} s")
    assert noticed < 4.0
    assert (datetime.fromisoformat(lost["at"]) - killed).total_seconds() < 2.5
    assert (record.call["ended_reason"], record.call["ended_by"]) == ("platform_error", "platform")
    ended = datetime.fromisoformat(record.call["ended_at"])
    assert abs((ended - killed).total_seconds()) < 1.0
    assert await call.room_is_gone()
    next_call = await lines.call("0140")
    assert (await next_call.settled()).call["ended_reason"] == "callee_hung_up"


async def test_the_bridge_is_told_to_stop(lines: PhoneLines, ear: VoiceEar) -> None:
    """SIGTERM: whoever still talks gets a BYE, and the record says whose doing it was."""
    stack = lines.switchboard.stack
    call = await lines.call("0100", record=False)
    far = await call.answered()
    await far.hears(ear, GREETING)
    stopping = asyncio.create_task(stack.kill("bridge", signal.SIGTERM))
    seen = await far.over(30)
    await stopping
    await stack.start_process("bridge")
    assert seen["ended_by"] == "bridge"
    record = await call.settled()
    assert (record.call["ended_reason"], record.call["ended_by"]) == ("platform_error", "platform")
    assert record.call["talk_seconds"] == pytest.approx(seen["seconds"], abs=1.0)


async def test_nobody_carries_phone_calls(lines: PhoneLines) -> None:
    """No bridge process: not dialled, and said so in time."""
    stack = lines.switchboard.stack
    await stack.kill("bridge", signal.SIGTERM)
    try:
        call = await lines.call("0100", record=False)
        record = await call.settled(timeout=60)
    finally:
        await stack.start_process("bridge")
    assert (record.call["ended_reason"], record.call["ended_by"]) == ("platform_error", "platform")
    assert record.call["answered_at"] is None
    await asyncio.sleep(2)
    assert not await lines.carrier.calls_to(call.to)


async def test_a_late_atlas_reads_that_the_phone_is_answered(
    lines: PhoneLines, ear: VoiceEar
) -> None:
    call = await lines.call("0100", record=False)
    far = await call.answered()
    await far.hears(ear, GREETING)
    os.kill(job_pid(lines.switchboard.stack, call.id), signal.SIGKILL)
    killed_at = time.monotonic()
    await call.has_happened("agent_dispatched", timeout=25)
    print(f"Atlas killed: sent in again after {time.monotonic() - killed_at:.1f} s")
    await asyncio.sleep(5.0)  # it comes, and says that it is back
    await far.say(DOG)
    await far.hears(ear, answer_to(DOG), timeout=20)
    await far.hang_up()
    record = await call.settled()
    assert record.said_by("assistant").count(GREETING) == 1
