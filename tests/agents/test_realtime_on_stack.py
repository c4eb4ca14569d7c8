"""Whole conversations with a realtime model: real LiveKit, the real plugin, judged by ear, by facts
and by what came over the model's own wire."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from contract.assistants import (
    Assistant,
    HttpTool,
    OpeningMode,
    OpeningOptions,
    RuntimeMode,
    SilenceOptions,
    ToolOptions,
)
from contract.identity import PHONE_IDENTITY, AgentRole
from contract.rooms import Gate, Opening
from tests.agents.phone import ON_ITS_WAY, ScriptedPhone
from tests.agents.rig import CallUnderTest, Rig

pytestmark = [pytest.mark.stack, pytest.mark.real_time, pytest.mark.asyncio(loop_scope="module")]

GREETING = "Welcome to the Blue Door restaurant. How can I help you?"
HOURS = "We are open from noon until eleven, every day but Monday."
DOGS = "Dogs are welcome on the terrace."

DEMO = Assistant(
    id="demo", name="Demo", mode=RuntimeMode.REALTIME, opening=OpeningOptions(text=GREETING)
)
INVENTIVE = Assistant(
    id="inventive",
    name="Inventive",
    mode=RuntimeMode.REALTIME,
    opening=OpeningOptions(mode=OpeningMode.GENERATE, text="Greet the caller."),
)
IMPATIENT = Assistant(
    id="impatient",
    name="Impatient",
    mode=RuntimeMode.REALTIME,
    opening=OpeningOptions(mode=OpeningMode.WAIT),
    silence=SilenceOptions(reprompt_after=1.0, reprompts=("Are you still there?",)),
)
TOOLED = Assistant(
    id="tooled",
    name="Tooled",
    mode=RuntimeMode.REALTIME,
    opening=OpeningOptions(mode=OpeningMode.WAIT),
    tools=ToolOptions(
        http=(HttpTool(name="check_table", description="Is free?", url="http://127.0.0.1:9/"),)
    ),
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def rig() -> AsyncIterator[Rig]:
    async with Rig(DEMO, INVENTIVE, IMPATIENT, TOOLED, only=("providers", "atlas")) as rig:
        yield rig


PHONES: list[ScriptedPhone] = []


@pytest_asyncio.fixture(autouse=True, loop_scope="module")
async def nobody_stays() -> AsyncIterator[None]:
    yield
    for phone in PHONES:
        await phone.leave()
    PHONES.clear()


async def ringing(
    rig: Rig, agent_id: str = "demo", **job: Any
) -> tuple[CallUnderTest, ScriptedPhone]:
    usual = {"gate": Gate.PHONE_ANSWERED, "human_identity": PHONE_IDENTITY}
    call = await rig.open_call(AgentRole.ATLAS, agent_id=agent_id, **usual | job)
    phone = ScriptedPhone(call)
    PHONES.append(phone)
    await phone.ring()
    await call.fact("agent_ready")
    return call, phone


async def answered(rig: Rig, agent_id: str = "demo") -> tuple[CallUnderTest, ScriptedPhone]:
    call, phone = await ringing(rig, agent_id)
    await phone.answer()
    if agent_id == "demo":
        await call.says(GREETING)
        await phone.heard.wait_for_quiet()
    return call, phone


async def asked(call: CallUnderTest, since: float = 0.0) -> list[str]:
    """The types of what the call's Atlas sent to the model since then (time.monotonic)."""
    url = f"{call.rig.stack.description.stand_ins['openai'].control_url}/log"
    async with aiohttp.ClientSession() as http, http.get(url) as answer:
        log = await answer.json()
    entries = log["log"]
    ours = {
        entry["session"]
        for entry in entries
        if entry.get("event") == "opened" and entry["monotonic"] > call.opened_at
    }
    return [
        entry["type"]
        for entry in entries
        if entry.get("event") == "client"
        and entry["session"] in ours
        and entry.get("last_monotonic", entry["monotonic"]) >= since
    ]


async def assert_deaf_and_mute(call: CallUnderTest, phone: ScriptedPhone) -> None:
    await phone.say("What are your opening hours?")
    await asyncio.sleep(1.5)
    assert phone.heard.first_loud() is None
    types = await asked(call)
    assert "session.update" in types
    assert not {"response.create", "input_audio_buffer.append"} & set(types)
    assert call.turns("caller") == call.turns("assistant") == []


@pytest.mark.parametrize("agent_id", ["demo", "inventive"])
async def test_the_model_is_asked_for_nothing_before_the_answer(rig: Rig, agent_id: str) -> None:
    call, phone = await ringing(rig, agent_id)
    await assert_deaf_and_mute(call, phone)
    at = await phone.answer()
    assert await phone.heard.wait_until_heard(since=at) - at < 1.5
    await call.says(GREETING)
    assert "response.create" in await asked(call, at)


async def test_with_another_gate_the_same_check_fails(rig: Rig) -> None:
    call, phone = await ringing(rig, gate=Gate.CALLER_ACTIVE)
    with pytest.raises(AssertionError):
        await assert_deaf_and_mute(call, phone)


async def test_a_conversation_its_record_its_end_and_its_usage(rig: Rig) -> None:
    call, phone = await answered(rig)
    await phone.say("What are your opening hours?")
    await call.says(HOURS)
    await phone.heard.wait_for_quiet()
    before = time.monotonic()
    await phone.say("Thank you, goodbye.")
    ended = await call.fact("assistant_ended")
    assert ended["data"] == {"reason": "end_call"}
    assert phone.heard.loud_seconds(since=before) > 0.3
    assert call.turns("assistant") == [GREETING, HOURS, "Goodbye."]
    assert call.turns("caller") == ["What are your opening hours?", "Thank you, goodbye."]
    turns = rig.compass.turns_of[call.id]
    assert all(turn["end"] > turn["start"] for turn in turns), turns
    await call.tell("atlas.end", '{"farewell": null}')
    usage = (await call.fact("usage_reported"))["data"]["items"]
    counted = {item["unit"] for item in usage if item["what"] == "realtime"}
    assert {"input_audio_tokens", "input_text_tokens", "output_audio_tokens"} <= counted
    assert {item["provider"] for item in usage} == {"openai"}


async def test_on_hold_the_model_hears_nothing_says_nothing_and_answers_again_afterwards(
    rig: Rig,
) -> None:
    call, phone = await answered(rig)
    await phone.say("What are your opening hours?")
    await phone.heard.wait_until_heard(since=time.monotonic())
    held = await phone.holds(True)
    await phone.say("Can I bring my dog?")
    await asyncio.sleep(1.0)
    assert phone.heard.loud_seconds(since=held + ON_ITS_WAY) == 0
    types = await asked(call, held + 0.2)
    assert not {"response.create", "input_audio_buffer.append"} & set(types)
    assert "input_audio_buffer.clear" in await asked(call, held)
    resumed = await phone.holds(False)
    assert await phone.heard.wait_until_heard(since=resumed) - resumed < 1.0
    await phone.heard.wait_for_quiet()
    await phone.say("Can I bring my dog?")
    await call.says(DOGS)
    assert call.turns("caller") == ["What are your opening hours?", "Can I bring my dog?"]


async def test_a_greeting_that_a_hold_cut_off_is_given_again(rig: Rig) -> None:
    call, phone = await ringing(rig)
    at = await phone.answer()
    await phone.heard.wait_until_heard(since=at)
    held = await phone.holds(True)
    await asyncio.sleep(1.0)
    assert phone.heard.loud_seconds(since=held + ON_ITS_WAY) == 0
    resumed = await phone.holds(False)
    assert await phone.heard.wait_until_heard(since=resumed) - resumed < 1.0
    await call.says(GREETING)


async def test_hold_in_the_moment_of_a_question_leaves_no_answer_in_the_hold(rig: Rig) -> None:
    call, phone = await answered(rig)
    await phone.say("What are your opening hours?")
    # The model's detector waits half a second; its answer is made at about the same time.
    await asyncio.sleep(0.45)
    held = await phone.holds(True)
    await asyncio.sleep(2.0)
    assert phone.heard.loud_seconds(since=held + ON_ITS_WAY) == 0
    await phone.holds(False)
    await phone.heard.wait_for_quiet()
    await phone.say("Can I bring my dog?")
    await call.says(DOGS)


async def test_reprompts_are_said_and_silence_is_given_up(rig: Rig) -> None:
    call, _ = await answered(rig, "impatient")
    await call.fact("silence_timeout")
    assert call.turns("assistant") == ["Are you still there?"]


async def test_what_the_workflow_has_said_is_said_word_for_word(rig: Rig) -> None:
    call, _ = await answered(rig)
    text = 'This call is recorded, as the notice "on the door" says.'
    await call.tell("atlas.say", json.dumps({"text": text, "id": "1"}))
    await call.says(text)
    await call.tell("atlas.end", json.dumps({"farewell": "We are closing now."}))
    await call.says("We are closing now.")


async def test_a_successor_takes_over_without_greeting(rig: Rig) -> None:
    call, phone = await ringing(rig, generation=2, opening=Opening.RESUME)
    await phone.answer()
    await call.says("I am back. Please go on.")
    assert "opening_started" not in [fact["kind"] for fact in await call.facts()]


async def test_a_tool_that_is_out_of_reach_does_not_end_the_conversation(rig: Rig) -> None:
    call, phone = await answered(rig, "tooled")
    await call.fact("opening_started")
    await phone.say("I would like to book a table for four on Friday evening.")
    await call.says("I am sorry, I cannot reach our reservation book at the moment.")
