"""The second ears: they understand strangers, and never come before the strict ones."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import suppress

import aiohttp
import numpy as np
import psutil
import pytest
from aiohttp import web

from sandbox.providers.ears import plain
from sandbox.providers.lenient_worker import SentenceGrammar
from sandbox.providers.mouth import CALLER_VOICES, Samples, render
from sandbox.providers.scenario import DEMO, load
from sandbox.providers.server import build
from sandbox.providers.settings import Hearing
from tests.sandbox.providers.conversations import DOG, HOURS, UNLISTED, frames, spoken
from tests.sandbox.providers.lines import opus
from tests.sandbox.providers.test_ears import LISTED, RATE
from tests.sandbox.providers.test_ears import UNLISTED as TWENTY_UNLISTED

pytestmark = pytest.mark.slow  # recognises 40 spoken sentences

STRANGER = "en-us+f1"
OTHER_STRANGER = "en-us+m1"
_LISTEN = "/deepgram/v1/listen?encoding=linear16&sample_rate=16000"


@pytest.fixture(scope="module")
def grammar() -> SentenceGrammar:
    return SentenceGrammar()


def found(grammar: SentenceGrammar, clip: Samples) -> str:
    match = grammar.find([plain(text) for text in LISTED], clip)
    return LISTED[match.sentence] if match else ""


def over_room(text: str, voice: str) -> Samples:
    return opus(render(text, voice, RATE), RATE, 16_000)


@pytest.mark.parametrize("voice", [STRANGER, OTHER_STRANGER])
def test_a_strange_voice_is_understood(grammar: SentenceGrammar, voice: str) -> None:
    heard = [found(grammar, over_room(text, voice)) for text in LISTED]
    right = sum(text == said for text, said in zip(heard, LISTED, strict=True))
    wrong = sum(bool(text) for text in heard) - right
    assert (right >= 17, wrong) == (True, 0), f"{right} right, {wrong} wrong of {len(LISTED)}"


@pytest.mark.parametrize("voice", [STRANGER, OTHER_STRANGER])
def test_little_is_heard_that_nobody_listed(grammar: SentenceGrammar, voice: str) -> None:
    heard = {text: found(grammar, over_room(text, voice)) for text in TWENTY_UNLISTED}
    # Of the two that are nearly listed, this one passes: only one of its words is another.
    heard.pop("Is there a pharmacy nearby?")
    # What espeak renders depends on what it rendered before, and so on the tests that ran: then
    # "Tell me a story about dragons." passes or not. 6 of 399 in the docs' figures: allow for one.
    assert len([text for text in heard.values() if text]) <= 1


@pytest.mark.parametrize("seconds", [0.6, 1.4, 3.0])
def test_noise_and_music_and_silence_give_no_text(grammar: SentenceGrammar, seconds: float) -> None:
    count = int(16_000 * seconds)
    at = np.arange(count) / 16_000
    noise = np.random.default_rng(7).normal(size=count) * 5_000
    chord = sum(np.sin(2 * np.pi * note * at) for note in (262, 330, 392, 523))
    phase = 2 * np.pi * np.cumsum(220 * 2 ** (np.floor(at * 5) % 8 / 12)) / 16_000
    pipe = sum(np.sin(k * phase) / k for k in range(1, 8))
    pulses = 0.6 + 0.4 * np.sign(np.sin(2 * np.pi * 4 * at))
    for clip in (noise, noise * pulses, 4_000 * chord * pulses, 6_000 * pipe * pulses, 0 * at):
        assert found(grammar, clip.astype(np.int16)) == ""


def test_sentences_that_no_dictionary_has_do_not_hinder_the_others(
    grammar: SentenceGrammar,
) -> None:
    sentences = ["", "19 30", "xyzzyx please", "क्या", plain(HOURS)]
    match = grammar.find(sentences, over_room(HOURS, STRANGER))
    assert match is not None
    assert match.sentence == 4
    assert grammar.find(sentences[:4], over_room(HOURS, STRANGER)) is None


class Served:
    """Stand-ins with the wanted hearing, and a client of their Deepgram."""

    def __init__(self, http: aiohttp.ClientSession) -> None:
        self.http = http

    async def hears(self, *sentences: str, voice: str) -> list[str]:
        """Every final text, empty ones too."""
        texts = []
        key = {"Authorization": "Token k"}
        async with self.http.ws_connect(_LISTEN, headers=key) as ws:
            for frame in frames(spoken(*sentences, voice=voice)):
                await ws.send_bytes(bytes(frame.data))
            await ws.send_json({"type": "CloseStream"})
            while (answer := await ws.receive_json(timeout=10))["type"] == "Results":
                texts.append(answer["channel"]["alternatives"][0]["transcript"])
        return texts

    async def heard_by(self) -> list[str]:
        log = (await (await self.http.get("/deepgram/control/log")).json())["log"]
        return [entry["hearing"] for entry in log if entry.get("event") == "utterance"]


@pytest.fixture
async def served(request: pytest.FixtureRequest) -> AsyncIterator[Served]:
    runner = web.AppRunner(await build(load(DEMO), request.param), shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        async with aiohttp.ClientSession(url) as http:
            yield Served(http)
    finally:
        await runner.cleanup()
    assert helpers() == []


def helpers() -> list[int]:
    """The process ids of our lenient helpers."""
    found = []
    for child in psutil.Process().children():
        # It may end, as a thread may, while it is looked at.
        with suppress(psutil.NoSuchProcess):
            if any("sandbox.providers.lenient_worker" in part for part in child.cmdline()):
                found.append(child.pid)
    return found


@pytest.mark.parametrize("served", [Hearing.BOTH], indirect=True)
async def test_scripted_callers_never_need_the_second_ears(served: Served) -> None:
    assert await served.hears(HOURS, DOG, voice=CALLER_VOICES[0]) == [HOURS, DOG]
    assert await served.heard_by() == ["strict", "strict"]
    assert helpers() == []


@pytest.mark.parametrize("served", [Hearing.BOTH], indirect=True)
async def test_both_ears_share_the_work_in_one_stream(served: Served) -> None:
    assert await served.hears(HOURS, DOG, UNLISTED, voice=STRANGER) == [HOURS, DOG, ""]
    assert await served.heard_by() == ["lenient", "lenient", ""]
    assert await served.hears(HOURS, voice=CALLER_VOICES[1]) == [HOURS]
    assert (await served.heard_by())[-1] == "strict"


@pytest.mark.parametrize("served", [Hearing.STRICT], indirect=True)
async def test_strict_ears_understand_no_stranger(served: Served) -> None:
    assert await served.hears(HOURS, voice=STRANGER) == [""]
    assert await served.heard_by() == [""]


@pytest.mark.parametrize("served", [Hearing.LENIENT], indirect=True)
async def test_lenient_ears_hear_callers_too(served: Served) -> None:
    assert await served.hears(DOG, voice=CALLER_VOICES[0]) == [DOG]
    assert await served.heard_by() == ["lenient"]


@pytest.mark.parametrize("served", [Hearing.BOTH], indirect=True)
async def test_a_dead_helper_costs_one_answer_at_most(served: Served) -> None:
    assert await served.hears(HOURS, voice=STRANGER) == [HOURS]
    [pid] = helpers()
    os.kill(pid, signal.SIGKILL)
    await asyncio.sleep(0.1)
    await served.hears(DOG, voice=STRANGER)
    assert await served.hears(DOG, voice=STRANGER) == [DOG]
