"""On a real LiveKit, with the stand-ins listening: who says what, as it is told and recorded."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from livekit import api, rtc

from contract.assistants import Assistant
from contract.holds import Holder, HoldState
from contract.identity import CALLER_IDENTITY, AgentRole
from contract.rooms import Attribute, Topic
from sandbox.caller.caller import Caller
from sandbox.caller.microphone import SAMPLE_RATE
from sandbox.providers.mouth import CALLER_VOICE, render, voices_for
from tests.agents.rig import CallUnderTest, Rig, eventually

pytestmark = [pytest.mark.stack, pytest.mark.real_time, pytest.mark.asyncio(loop_scope="module")]

OPENING_HOURS = "What are your opening hours?"
PARKING = "Is there parking nearby?"
DOG = "Can I bring my dog?"
CARDS = "Do you take credit cards?"
TERRIBLE = "This is terrible, I hate it."
GERMAN = "Wann haben Sie geöffnet?"
ARABIC = "أريد حجز طاولة لشخصين"
SPOKEN = {GERMAN: "de-DE", ARABIC: "ar-SA", TERRIBLE: "en-US"}
CALLERS: list[Caller] = []
_ids = itertools.count(1)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def rig() -> AsyncIterator[Rig]:
    async with Rig(Assistant(id="demo", name="Demo"), only=("media-bot", "providers")) as rig:
        phrases = [{"text": text, "language": language} for text, language in SPOKEN.items()]
        url = rig.stack.description.phrases_url
        async with (
            aiohttp.ClientSession() as http,
            http.post(url, json={"phrases": phrases}) as answer,
        ):
            assert answer.status == 200, await answer.text()
        yield rig


@pytest_asyncio.fixture(autouse=True, loop_scope="module")
async def nobody_stays(rig: Rig) -> AsyncIterator[None]:
    yield
    for vendor in ("deepgram", "groq", "elevenlabs"):
        await control(rig, "DELETE", vendor, "fault")
    for caller in CALLERS:
        await caller.leave()
    CALLERS.clear()


async def control(rig: Rig, method: str, vendor: str, what: str, **body: Any) -> Any:
    url = f"{rig.stack.description.stand_ins[vendor].control_url}/{what}"
    async with (
        aiohttp.ClientSession() as http,
        http.request(method, url, json=body or None) as answer,
    ):
        return await answer.json()


class Line:
    """A call with Media Bot, and the hand that writes its attributes."""

    def __init__(self, rig: Rig, call: CallUnderTest) -> None:
        self.rig, self.call = rig, call

    async def write(self, identity: str, attributes: dict[str, str]) -> None:
        await self.rig.livekit.room.update_participant(
            api.UpdateParticipantRequest(
                room=self.call.id, identity=identity, attributes=attributes
            )
        )

    async def transcribe(self, language: str, *, generation: int = 1) -> None:
        """Returns once Media Bot listens, or has been told the new language."""
        attributes = {
            Attribute.STT_ENABLED.value: "true",
            Attribute.STT_LANGUAGE.value: language,
            Attribute.STT_COMMAND_ID.value: f"s{next(_ids)}",
        }
        await self.write(f"media-bot-{generation}", attributes)

    async def hold(self, seq: int, *holders: Holder) -> None:
        state = HoldState(seq, frozenset(holders))
        await self.write(CALLER_IDENTITY, {Attribute.CALL_HOLD.value: state.to_json()})

    async def enters(self, identity: str = CALLER_IDENTITY, voice: str | None = None) -> Caller:
        caller = Caller(voice=voice) if voice else Caller()
        CALLERS.append(caller)
        return await self.call.join(identity, caller)

    @property
    def turns(self) -> list[dict[str, Any]]:
        return self.rig.compass.turns_of[self.call.id]

    def texts(self) -> list[str]:
        return [turn["text"] for turn in self.turns]

    async def has(self, text: str, patience: float = 15.0) -> dict[str, Any]:
        async def turn() -> dict[str, Any] | None:
            return next((turn for turn in self.turns if turn["text"] == text), None)

        found: dict[str, Any] = await eventually(
            turn, patience, f"{text!r} is not among {self.texts()}\n{self.rig.logs()}"
        )
        return found


async def a_line(rig: Rig) -> Line:
    call = await rig.open_call(AgentRole.MEDIA_BOT)
    await call.fact("agent_ready")
    return Line(rig, call)


async def a_conversation(rig: Rig, language: str) -> tuple[Line, Caller]:
    """A first sentence is in the record."""
    line = await a_line(rig)
    caller = await line.enters()
    await line.transcribe(language)
    await connections(rig, "deepgram", "opened", language)
    await caller.say(PARKING)
    await line.has(PARKING)
    return line, caller


async def connections(rig: Rig, vendor: str, event: str, language: str, times: int = 1) -> None:
    """Returns once so many of them were opened or closed: each test has a region of its own, so
    that what is left of another one does not count."""

    async def are_there() -> bool:
        log = (await control(rig, "GET", vendor, "log"))["log"]
        asked = [each["query"] for each in log if each.get("event") == event]
        languages = [query.get("language", query.get("language_code")) for query in asked]
        return languages.count(language) >= times

    await eventually(are_there, 15, f"{vendor}: not {times} times {event} in {language}")


async def test_two_humans_are_transcribed_at_once_for_those_meant_to_have_it(rig: Rig) -> None:
    line = await a_line(rig)
    caller, other = await line.enters(), await line.enters("human-2", "en-us+m3")
    heard: dict[str, list[dict[str, Any]]] = {"caller": [], "human-2": []}

    def keep(who: str) -> Any:
        def received(packet: rtc.DataPacket) -> None:
            if packet.topic == Topic.TRANSCRIPT:
                heard[who].append(json.loads(packet.data))

        return received

    caller.room.on("data_received", keep("caller"))
    other.room.on("data_received", keep("human-2"))
    await line.transcribe("en-GB")
    await connections(rig, "deepgram", "opened", "en-GB", 2)
    # One after the other: espeak is made by the first who needs it.
    complaint = await asyncio.to_thread(render, TERRIBLE, caller.voice, SAMPLE_RATE)
    question = await asyncio.to_thread(render, PARKING, other.voice, SAMPLE_RATE)
    await asyncio.gather(caller.say(complaint), other.say(question))
    said, answered = await line.has(TERRIBLE), await line.has(PARKING)
    assert (said["speaker"], answered["speaker"]) == ("caller", "human-2")
    assert (said["source"], said["language"]) == ("media-bot-1", "en-GB")
    assert said["sentiment"]["compound"] < -0.5 < answered["sentiment"]["compound"]
    lasted = datetime.fromisoformat(said["end"]) - datetime.fromisoformat(said["start"])
    assert 0.5 < lasted.total_seconds() < 5

    async def both() -> bool:
        return len(heard["human-2"]) == 2

    await eventually(both, 5, f"not both were published: {heard}")
    [message] = [each for each in heard["human-2"] if each["text"] == TERRIBLE]
    assert message == {
        "type": "FINAL_TRANSCRIPT",
        "call_id": line.call.id,
        "participant": "caller",
        **{name: said[name] for name in ("text", "language", "start", "end", "sentiment")},
    }
    assert heard["caller"] == []


async def test_each_language_goes_to_its_provider_and_a_change_loses_no_sentence(rig: Rig) -> None:
    line = await a_line(rig)
    caller = await line.enters()
    await line.transcribe("ar-SA")
    await connections(rig, "elevenlabs", "opened", "ar")
    caller.voice = voices_for("ar")[0]
    await caller.say(ARABIC)
    # Scribe waits for the end of its pause; the change comes before it has committed anything.
    await line.transcribe("en-ZA")
    await connections(rig, "deepgram", "opened", "en-ZA")
    caller.voice = CALLER_VOICE
    await caller.say(CARDS)
    await line.transcribe("de-DE")
    await connections(rig, "deepgram", "closed", "en-ZA")
    caller.voice = voices_for("de")[0]
    await caller.say(GERMAN)
    arabic, english, german = [await line.has(text) for text in (ARABIC, CARDS, GERMAN)]
    assert sorted(line.texts()) == sorted([ARABIC, CARDS, GERMAN])
    languages = [turn["language"] for turn in (arabic, english, german)]
    assert languages == ["ar-SA", "en-ZA", "de-DE"]
    assert arabic["end"] < english["start"] < english["end"] < german["start"]
    assert english["sentiment"] is not None
    assert arabic["sentiment"] is german["sentiment"] is None
    assert arabic["reason"] == german["reason"] == "VADER knows English only."
    for vendor, text in (("elevenlabs", ARABIC), ("deepgram", CARDS), ("groq", GERMAN)):
        log = (await control(rig, "GET", vendor, "log"))["log"]
        assert text in [each.get("text") for each in log]


async def test_nothing_of_a_hold_is_transcribed(rig: Rig) -> None:
    line, caller = await a_conversation(rig, "en-NZ")
    await line.hold(1, Holder.OPERATOR)
    await connections(rig, "deepgram", "closed", "en-NZ")
    await caller.say(DOG)
    await line.hold(2)
    await connections(rig, "deepgram", "opened", "en-NZ", 2)
    await caller.say(OPENING_HOURS)
    await line.has(OPENING_HOURS)
    assert line.texts() == [PARKING, OPENING_HOURS]


async def test_when_a_provider_fails_another_one_understands_the_same_sentence(rig: Rig) -> None:
    line, caller = await a_conversation(rig, "en-IN")
    await control(rig, "POST", "deepgram", "fault", kind="status", value=503)
    await caller.say(DOG)
    await line.has(DOG)
    degraded = await line.call.fact("transcription_degraded")
    data = degraded["data"]
    assert (data["participant"], data["provider"], data["fallback"]) == (
        "caller",
        "deepgram",
        "groq",
    )
    assert line.texts() == [PARKING, DOG]


async def test_after_a_kill_the_successor_goes_on(rig: Rig) -> None:
    line, caller = await a_conversation(rig, "en-AU")
    await rig.stack.kill("media-bot")
    await rig.stack.start_process("media-bot")
    await rig.stack.wait_until_ready("media-bot")
    await line.call.dispatch(AgentRole.MEDIA_BOT, generation=2)

    async def has_come() -> bool:
        return "media-bot-2" in await line.call.identities()

    await eventually(has_come, 15, "no successor came")
    await line.transcribe("en-AU", generation=2)
    await connections(rig, "deepgram", "opened", "en-AU", 2)
    await caller.say(OPENING_HOURS)
    turn = await line.has(OPENING_HOURS)
    assert turn["source"] == "media-bot-2"
    assert line.texts() == [PARKING, OPENING_HOURS]
