"""What a caller hears, and the workflow is told, when a provider or Temporal is away."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import aiohttp
import pytest
import pytest_asyncio
from livekit.api.twirp_client import TwirpError

from contract.assistants import (
    Assistant,
    FillerOptions,
    OpeningMode,
    OpeningOptions,
    RuntimeMode,
)
from contract.identity import AgentRole
from tests.agents.rig import Rig, eventually

pytestmark = [pytest.mark.stack, pytest.mark.real_time, pytest.mark.asyncio(loop_scope="module")]

GREETING = "Welcome to the Blue Door restaurant. How can I help you?"
DEMO = Assistant(id="demo", name="Demo", opening=OpeningOptions(text=GREETING))
FILLER = Assistant(
    id="filler",
    name="Filler",
    opening=OpeningOptions(mode=OpeningMode.WAIT),
    fillers=FillerOptions(enabled=True, delay=0.5),
)

REALTIME = Assistant(id="realtime", name="Realtime", mode=RuntimeMode.REALTIME)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def rig() -> AsyncIterator[Rig]:
    async with Rig(DEMO, FILLER, REALTIME, only=("providers", "atlas")) as rig:
        yield rig


async def eventually_recorded(rig: Rig, text: str) -> None:
    async def recorded() -> bool:
        return any(turn["text"] == text for turn in rig.compass.turns)

    await eventually(recorded, 10, f"{text!r} is not in the record: {rig.compass.turns}")


async def misbehave(rig: Rig, vendor: str, **fault: object) -> None:
    url = f"{rig.stack.description.stand_ins[vendor].control_url}/fault"
    async with aiohttp.ClientSession() as http, http.post(url, json=fault) as answer:
        assert answer.status < 300, await answer.text()


async def behave(rig: Rig, vendor: str) -> None:
    url = f"{rig.stack.description.stand_ins[vendor].control_url}/fault"
    async with aiohttp.ClientSession() as http, http.delete(url) as answer:
        assert answer.status < 300


async def test_a_voice_that_stays_away_fails_the_agent_by_kind_only(rig: Rig) -> None:
    await misbehave(rig, "elevenlabs", kind="status", value=401)
    try:
        call = await rig.open_call(AgentRole.ATLAS)
        caller = await call.join()
        await call.fact("opening_started")
        # Each try to speak is one failure; the session gives up after the fourth at the latest.
        with contextlib.suppress(TwirpError):
            for number in range(4):
                await call.tell("atlas.say", f'{{"text": "Hello.", "id": "{number}"}}')
        failed = await call.fact("agent_failed", patience=30)
        assert failed["data"]["error"].startswith("tts_error: API")
        await call.fact("usage_reported")
        await caller.leave()
    finally:
        await behave(rig, "elevenlabs")


async def test_a_realtime_model_that_refuses_fails_the_agent_by_kind_only(rig: Rig) -> None:
    await misbehave(rig, "openai", kind="status", value=401)
    try:
        call = await rig.open_call(AgentRole.ATLAS, agent_id="realtime")
        failed = await call.fact("agent_failed", patience=30)
        assert failed["data"]["error"].startswith("realtime_model_error: API")
        await call.fact("usage_reported")
    finally:
        await behave(rig, "openai")


async def test_a_slow_mind_is_bridged_by_a_word(rig: Rig) -> None:
    call = await rig.open_call(AgentRole.ATLAS, agent_id="filler")
    caller = await call.join()
    await call.fact("opening_started")
    await misbehave(rig, "groq", operation="chat", kind="slow", value=3)
    try:
        begun = await caller.say("Can I bring my dog?")
        first = await caller.heard.wait_until_heard(since=begun.ended_at)
        assert first - begun.ended_at < 2.5
        await eventually_recorded(rig, "One moment. Dogs are welcome on the terrace.")
        await caller.leave()
    finally:
        await behave(rig, "groq")


async def test_how_the_call_ended_is_told_although_temporal_was_away(rig: Rig) -> None:
    call = await rig.open_call(AgentRole.ATLAS)
    caller = await call.join()
    await call.fact("opening_started")
    await caller.heard.wait_until_heard()
    await caller.heard.wait_for_quiet()
    await rig.stack.kill("temporal")
    await caller.say("Thank you, goodbye.")
    await eventually_recorded(rig, "Goodbye.")
    await caller.leave()
    # Longer than Atlas waits for the workflow to close the room, and than it takes to go.
    await asyncio.sleep(15)
    await rig.stack.start_process("temporal")
    await rig.stack.wait_until_ready("temporal")
    ended = await call.fact("assistant_ended", patience=20)
    assert ended["data"] == {"reason": "end_call"}
    await call.fact("usage_reported")


async def test_the_caller_is_greeted_although_temporal_is_away(rig: Rig) -> None:
    call = await rig.open_call(AgentRole.ATLAS)
    await call.fact("agent_ready")
    await rig.stack.kill("temporal")
    caller = await call.join()
    first = await caller.heard.wait_until_heard()
    assert 1.5 < first - caller.joined_at < 5

    await eventually_recorded(rig, GREETING)
    await caller.leave()
    await call.close()
