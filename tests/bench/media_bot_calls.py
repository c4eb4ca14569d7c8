"""Calls in which Media Bot transcribes what a scripted human says, and what it heard of it."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
from livekit import api

from contract.assistants import Assistant
from contract.identity import AgentRole
from contract.rooms import Attribute
from sandbox.caller.caller import Caller
from sandbox.caller.microphone import SAMPLE_RATE
from sandbox.providers.mouth import render, voices_for
from tests.agents.media_bot.asset_host import AssetHost
from tests.agents.media_bot.line import MEDIA_BOT, Line
from tests.agents.media_bot.sounds import mp3, tone
from tests.agents.rig import Rig, eventually
from tests.bench.processes import MEGABYTE, Tree, tree_of

# By language, and so by provider: Deepgram, Groq, ElevenLabs.
SCRIPTS = {
    "en-US": (
        "What are your opening hours?",
        "Where are you located?",
        "Do you have a vegetarian menu?",
        "Can I bring my dog?",
        "Is there parking nearby?",
        "How much is the tasting menu?",
        "Do you take credit cards?",
    ),
    "de-DE": (
        "Wann haben Sie geöffnet?",
        "Ich möchte einen Tisch für vier Personen bestellen.",
        "Darf ich meinen Hund mitbringen?",
        "Gibt es in der Nähe einen Parkplatz?",
        "Was kostet das große Menü am Abend?",
    ),
    "ar-SA": (
        "أريد حجز طاولة لشخصين",
        "ما هي ساعات العمل لديكم",
        "هل يوجد موقف سيارات قريب",
        "أين يقع المطعم بالضبط",
        "شكرا جزيلا مع السلامة",
    ),
}
MUSIC = "music.mp3"
# Between sentences, s: longer than the ears wait within one; Scribe's own detector is slower.
_BREATH, _SCRIBES_BREATH = 0.8, 2.2
_ARRIVES = 15.0
_ids = itertools.count(1)


@dataclass
class TranscribedCall:
    line: Line
    language: str
    said: list[str] = field(default_factory=list)

    @property
    def heard(self) -> list[str]:
        turns = self.line.call.rig.compass.turns_of[self.line.call.id]
        return [turn["text"] for turn in turns]

    @property
    def missing(self) -> int:
        return (Counter(self.said) - Counter(self.heard)).total()

    @property
    def surplus(self) -> int:
        """Told twice, or never said."""
        return (Counter(self.heard) - Counter(self.said)).total()

    async def say(self, sentence: str) -> None:
        self.said.append(sentence)
        await self.line.caller.say(sentence)
        await asyncio.sleep(_SCRIBES_BREATH if self.language.startswith("ar") else _BREATH)

    async def talk(self, begin: int, seconds: float) -> None:
        """Sentence after sentence, beginning with another one than the other rooms do."""
        script = SCRIPTS[self.language]
        until = time.monotonic() + seconds
        for number in itertools.count(begin):
            if time.monotonic() >= until:
                return
            await self.say(script[number % len(script)])

    async def is_heard_out(self) -> None:
        """Returns when all has arrived, or will not any more."""

        async def is_whole() -> bool:
            return self.missing == 0

        try:
            await eventually(is_whole, _ARRIVES, "")
        except AssertionError:
            return

    async def end(self) -> None:
        await self.line.caller.leave()
        await self.line.call.close()


class MediaBotRig:
    """Media Bot on a real LiveKit, the providers' stand-ins, and a host with music."""

    def __init__(self, rig: Rig, host: AssetHost) -> None:
        self.rig, self.host = rig, host
        self.callers: list[Caller] = []

    @classmethod
    @asynccontextmanager
    async def running(cls, cache: str) -> AsyncIterator[MediaBotRig]:
        async with AssetHost() as host:
            host.files[MUSIC] = mp3(tone(441.0, 30.0))
            settings = {"MEDIA_ASSET_HOSTS": host.name, "MEDIA_CACHE_FOLDER": cache}
            demo = Assistant(id="demo", name="Demo", transcribe=True)
            async with Rig(demo, only=("media-bot", "providers"), media_bot=settings) as rig:
                await _list_phrases(rig.stack.description.phrases_url)
                await asyncio.to_thread(_prepare_voices)
                media_bot = cls(rig, host)
                try:
                    yield media_bot
                finally:
                    for caller in media_bot.callers:
                        await caller.leave()

    async def playing(self) -> Line:
        line = await Line.placed(self.rig, self.host)
        self.callers.append(line.caller)
        await line.play(MUSIC, loop=True, purpose="hold")
        return line

    async def transcribed(self, language: str) -> TranscribedCall:
        """Returns once Media Bot is subscribed to the caller."""
        call = await self.rig.open_call(AgentRole.MEDIA_BOT, language=language)
        caller = Caller(voice=voices_for(language)[0])
        self.callers.append(caller)
        await call.join(caller=caller)
        line = Line(call, caller, self.host)
        await call.fact("agent_ready", patience=30)
        await self.rig.livekit.room.update_participant(
            api.UpdateParticipantRequest(
                room=call.id,
                identity=MEDIA_BOT,
                attributes={
                    Attribute.STT_ENABLED.value: "true",
                    Attribute.STT_LANGUAGE.value: language,
                    Attribute.STT_COMMAND_ID.value: f"s{next(_ids)}",
                },
            )
        )
        [publication] = caller.room.local_participant.track_publications.values()
        await asyncio.wait_for(publication.wait_for_subscription(), 20)
        return TranscribedCall(line, language)

    async def look(self) -> Tree:
        pids = self.rig.stack.pids("media-bot")
        return await asyncio.to_thread(tree_of, pids, memory=True)

    async def settled(self, processes: int, patience: float = 30.0) -> Tree:
        """Its memory once it has no more processes than that. Raises AssertionError."""

        async def is_back() -> bool:
            return len(self.rig.stack.pids("media-bot")) == processes

        await eventually(is_back, patience, f"Media Bot never had {processes} processes again")
        return await self.look()


def mebibytes(tree: Tree) -> float:
    return tree.pss * MEGABYTE / 2**20


def _prepare_voices() -> None:
    """Rendering takes CPU time that belongs to nobody who is measured."""
    for language, script in SCRIPTS.items():
        for text in script:
            render(text, voices_for(language)[0], SAMPLE_RATE)


async def _list_phrases(url: str) -> None:
    phrases = [
        {"text": text, "language": language}
        for language, script in SCRIPTS.items()
        for text in script
    ]
    async with (
        aiohttp.ClientSession() as http,
        http.post(url, json={"phrases": phrases}) as answer,
    ):
        answer.raise_for_status()
