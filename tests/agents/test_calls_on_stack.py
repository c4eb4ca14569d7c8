"""Whole conversations: real LiveKit, real Temporal, real plugins, judged by ear and by facts."""

from __future__ import annotations

import asyncio
import json
import signal
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from livekit import api, rtc
from livekit.api.twirp_client import TwirpError

from contract.assistants import (
    Assistant,
    HttpTool,
    OpeningMode,
    OpeningOptions,
    SilenceOptions,
    ToolOptions,
)
from contract.identity import AgentRole
from contract.rooms import Gate, Opening, RoomMetadata
from sandbox.stack.parts import Part
from tests.agents.rig import CallUnderTest, Rig, eventually

pytestmark = [pytest.mark.stack, pytest.mark.real_time, pytest.mark.asyncio(loop_scope="module")]

GREETING = "Welcome to the Blue Door restaurant. How can I help you?"
HOURS = "We are open from noon until eleven, every day but Monday."
DOGS = "Dogs are welcome on the terrace."

DEMO = Assistant(id="demo", name="Demo", opening=OpeningOptions(text=GREETING))
QUIET = OpeningOptions(mode=OpeningMode.WAIT)
LISTENER = Assistant(id="listener", name="Listener", opening=QUIET)
IMPATIENT = Assistant(
    id="impatient",
    name="Impatient",
    opening=QUIET,
    silence=SilenceOptions(reprompt_after=1.0, reprompts=("Are you still there?",)),
)
FOREIGN = Assistant(
    id="unreachable-tool",
    name="Unreachable tool",
    opening=QUIET,
    tools=ToolOptions(
        http=(HttpTool(name="check_table", description="Is free?", url="http://127.0.0.1:9/"),)
    ),
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def rig() -> AsyncIterator[Rig]:
    assistants = (DEMO, LISTENER, IMPATIENT, FOREIGN)
    async with Rig(*assistants, only=("providers", "atlas", "media-bot")) as rig:
        yield rig


def turns_of(rig: Rig, speaker: str) -> list[str]:
    return [turn["text"] for turn in rig.compass.turns if turn["speaker"] == speaker]


async def said_by(rig: Rig, speaker: str, text: str, patience: float = 15.0) -> None:
    async def is_there() -> bool:
        return text in turns_of(rig, speaker)

    await eventually(is_there, patience, f"{speaker} never said {text!r}: {rig.compass.turns}")


async def kinds(call: CallUnderTest) -> list[str]:
    return [fact["kind"] for fact in await call.facts()]


@pytest.fixture(autouse=True)
def no_turns_left(rig: Rig) -> None:
    rig.compass.turns.clear()


async def test_greeting_answer_and_farewell_are_heard(rig: Rig) -> None:
    call = await rig.open_call(AgentRole.ATLAS)
    caller = await call.join()
    await caller.heard.wait_until_heard()
    await caller.heard.wait_for_quiet()
    await caller.say("What are your opening hours?")
    await said_by(rig, "assistant", HOURS)
    await caller.heard.wait_for_quiet()
    before = time.monotonic()
    await caller.say("Thank you, goodbye.")
    ended = await call.fact("assistant_ended")
    assert ended["data"] == {"reason": "end_call"}
    assert caller.heard.loud_seconds(since=before) > 0.3
    assert turns_of(rig, "assistant") == [GREETING, HOURS, "Goodbye."]
    assert turns_of(rig, "caller") == ["What are your opening hours?", "Thank you, goodbye."]
    await call.tell("atlas.end", '{"farewell": null}')
    usage = await call.fact("usage_reported")
    assert {item["what"] for item in usage["data"]["items"]} == {"stt", "llm", "tts"}
    await caller.leave()
    assert [kind for kind in await kinds(call) if not kind.startswith("participant")] == [
        "agent_ready",
        "opening_started",
        "assistant_ended",
        "usage_reported",
    ]
    assert [fact["seq"] for fact in await call.facts()] == list(range(1, 6))


async def test_the_callers_leaving_is_told_and_ends_atlas(rig: Rig) -> None:
    call = await rig.open_call(AgentRole.ATLAS)
    caller = await call.join()
    await caller.heard.wait_until_heard()
    await caller.leave()
    left = await call.fact("participant_left")
    assert left["data"]["disconnect_reason"] == "CLIENT_INITIATED"
    assert left["data"]["participant_kind"] == "standard"
    await call.fact("usage_reported")
    assert (await kinds(call)).count("usage_reported") == 1


async def test_until_atlas_start_nothing_is_said_and_nothing_is_understood(rig: Rig) -> None:
    call = await rig.open_call(AgentRole.ATLAS, gate=Gate.START_RPC)
    caller = await call.join()
    await call.fact("participant_joined")
    await caller.say("What are your opening hours?")
    await asyncio.sleep(1.5)
    assert caller.heard.first_loud() is None
    assert rig.compass.turns == []
    begun = time.monotonic()
    assert json.loads(await call.tell("atlas.start")) == {"ok": True}
    first = await caller.heard.wait_until_heard(since=begun)
    assert first - begun < 3
    await said_by(rig, "assistant", GREETING)
    assert turns_of(rig, "caller") == []
    await caller.leave()


async def test_on_hold_atlas_is_silent_and_deaf_and_goes_on_afterwards(rig: Rig) -> None:
    call = await rig.open_call(AgentRole.ATLAS)
    caller = await call.join()
    await caller.heard.wait_until_heard()
    await call.tell("atlas.hold", '{"seq": 1}')
    held = time.monotonic()
    await caller.say("What are your opening hours?")
    await asyncio.sleep(1.0)
    # What was on its way when the hold began may still be heard.
    assert caller.heard.loud_seconds(since=held + 0.5) == 0
    assert turns_of(rig, "caller") == []
    await call.tell("atlas.hold", '{"seq": 1}')
    await call.tell("atlas.resume", '{"seq": 2}')
    await call.tell("atlas.hold", '{"seq": 1}')
    await caller.say("Can I bring my dog?")
    await said_by(rig, "assistant", DOGS)
    assert turns_of(rig, "caller") == ["Can I bring my dog?"]
    await caller.leave()


async def test_the_caller_may_interrupt_and_the_record_has_what_was_said(rig: Rig) -> None:
    call = await rig.open_call(AgentRole.ATLAS)
    caller = await call.join()
    await caller.heard.wait_until_heard()
    await caller.say("Can I bring my dog?")
    await said_by(rig, "assistant", DOGS)
    greeting = turns_of(rig, "assistant")[0]
    assert greeting != GREETING
    assert GREETING.startswith(greeting)
    await caller.leave()


async def test_a_successor_takes_over_without_greeting(rig: Rig) -> None:
    call = await rig.open_call(AgentRole.ATLAS, generation=2, opening=Opening.RESUME)
    caller = await call.join()
    await said_by(rig, "assistant", "I am back. Please go on.")
    assert "opening_started" not in await kinds(call)
    assert {fact["generation"] for fact in await call.facts()} == {2}
    await caller.leave()


async def test_typed_words_are_answered(rig: Rig) -> None:
    call = await rig.open_call(AgentRole.ATLAS, agent_id="listener")
    caller = await call.join()
    await call.fact("opening_started")
    await caller.room.local_participant.send_text("Can I bring my dog?", topic="lk.chat")
    await said_by(rig, "assistant", DOGS)
    await caller.heard.wait_until_heard()
    await caller.leave()


async def test_silence_is_asked_about_and_then_given_up(rig: Rig) -> None:
    call = await rig.open_call(AgentRole.ATLAS, agent_id="impatient")
    caller = await call.join()
    await call.fact("silence_timeout")
    assert turns_of(rig, "assistant") == ["Are you still there?"]
    await caller.leave()


async def test_a_tool_that_is_out_of_reach_does_not_end_the_conversation(rig: Rig) -> None:
    call = await rig.open_call(AgentRole.ATLAS, agent_id="unreachable-tool")
    caller = await call.join()
    await call.fact("opening_started")
    await caller.say("I would like to book a table for four on Friday evening.")
    await said_by(
        rig, "assistant", "I am sorry, I cannot reach our reservation book at the moment."
    )
    await caller.leave()


async def test_an_unknown_assistant_is_a_failure_that_is_told(rig: Rig) -> None:
    call = await rig.open_call(AgentRole.ATLAS, agent_id="nobody")
    failed = await call.fact("agent_failed")
    assert failed["data"] == {"error": "Compass answered 404 for assistant 'nobody'."}
    assert "agent_ready" not in await kinds(call)
    await call.fact("usage_reported")

    async def gone() -> bool:
        return "atlas-1" not in await call.identities()

    await eventually(gone, 5, "Atlas stayed")


async def test_nobody_in_the_room_can_command_atlas(rig: Rig) -> None:
    call = await rig.open_call(AgentRole.ATLAS, agent_id="listener")
    caller = await call.join()
    await call.fact("opening_started")
    for method in ("atlas.end", "atlas.say", "ping"):
        with pytest.raises(rtc.RpcError):
            await caller.room.local_participant.perform_rpc(
                destination_identity="atlas-1", method=method, payload="{}"
            )
    with pytest.raises(TwirpError):
        await call.tell("atlas.hold", '{"seq": "many"}')
    await call.tell("atlas.say", '{"text": "The line is good.", "id": "1"}')
    await said_by(rig, "assistant", "The line is good.")
    await caller.leave()


async def test_an_adopted_rooms_job_finds_its_call_in_the_metadata(rig: Rig) -> None:
    call = await rig.open_call(AgentRole.ATLAS, AgentRole.MEDIA_BOT, call_id="")
    await asyncio.sleep(0.5)
    assert await call.facts() == []
    await rig.livekit.room.update_room_metadata(
        api.UpdateRoomMetadataRequest(
            room=call.id, metadata=RoomMetadata(agent_id="demo", call_id=call.id).to_json()
        )
    )

    async def both() -> bool:
        return (await kinds(call)).count("agent_ready") == 2

    await eventually(both, 5, "not both agents came")
    await call.close()


async def test_media_bot_is_there_beats_and_leaves_with_the_room(rig: Rig) -> None:
    call = await rig.open_call(AgentRole.MEDIA_BOT)
    ready = await call.fact("agent_ready")
    assert (ready["source"], ready["seq"]) == ("media-bot", 1)
    assert json.loads(await call.tell("ping", identity="media-bot-1")) == {"ok": True}
    beats: list[dict[str, Any]] = []
    room = rtc.Room()

    @room.on("data_received")
    def _(packet: rtc.DataPacket) -> None:
        if packet.topic == "agent.alive":
            beats.append(json.loads(packet.data))

    await room.connect(rig.stack.description.livekit_url, rig.token(call.id, "watcher"))
    await asyncio.sleep(1.6)
    assert 2 <= len(beats) <= 4
    assert beats[0] == {"role": "media-bot", "generation": 1}
    await room.disconnect()
    await call.close()


async def test_sigterm_ends_a_running_call_in_time_and_with_its_usage(rig: Rig) -> None:
    call = await rig.open_call(AgentRole.ATLAS)
    caller = await call.join()
    await caller.heard.wait_until_heard()
    begun = time.monotonic()
    process = rig.stack._processes[Part.ATLAS]
    process.send(signal.SIGTERM)

    async def ended() -> bool:
        return process.exit_code() is not None

    await eventually(ended, 15, "Atlas did not end")
    assert time.monotonic() - begun < 10, rig.logs()
    assert process.exit_code() == 0, rig.logs()
    assert (await kinds(call)).count("usage_reported") == 1
    await caller.leave()
