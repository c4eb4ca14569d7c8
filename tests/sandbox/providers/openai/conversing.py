"""A voice agent in miniature: the real plugin's session, its ears and its mouth."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import numpy as np
from livekit.agents import APIConnectOptions, APIError, llm
from livekit.plugins.openai.realtime import RealtimeModel, RealtimeSession
from openai.types.realtime.realtime_audio_input_turn_detection import ServerVad

from sandbox.providers.ears import Ears, Phrase
from sandbox.providers.mouth import ASSISTANT_VOICE, Samples
from tests.sandbox.providers.conversations import frames

RATE = 24_000
HOURS_ANSWER = "We are open from noon until eleven, every day but Monday."
DOG_ANSWER = "Dogs are welcome on the terrace."
SERVER_VAD = ServerVad(type="server_vad", silence_duration_ms=300)


@dataclass
class Answer:
    """What one response brought."""

    text: str = ""
    samples: Samples = field(default_factory=lambda: np.zeros(0, dtype=np.int16))
    calls: list[llm.FunctionCall] = field(default_factory=list)
    message_id: str = ""
    response_id: str = ""

    def heard(self) -> str:
        """Its words, by ears that know the assistant's voice, and this text beside another."""
        ears = Ears(voices=[ASSISTANT_VOICE])
        ears.learn([Phrase(self.text), Phrase("The weather is lovely this morning.")])
        found = ears.recognise(self.samples, RATE)
        return found.phrase.text if found else ""


class Listening:
    """What the plugin's session tells, in order."""

    def __init__(self, session: RealtimeSession) -> None:
        self.session = session
        self.transcripts: list[str] = []
        self.partial: list[str] = []
        self.errors: list[llm.RealtimeModelError] = []
        self.failure: asyncio.Queue[llm.RealtimeModelError] = asyncio.Queue()
        self.metrics: list[Any] = []
        self.events: list[dict[str, Any]] = []
        self.seen: list[str] = []
        self._responses: asyncio.Queue[llm.GenerationCreatedEvent] = asyncio.Queue()
        self._news = asyncio.Event()
        session.on("generation_created", self._responses.put_nowait)
        session.on("input_audio_transcription_completed", self._transcribed)
        session.on("error", self._failed)
        session.on("metrics_collected", self.metrics.append)
        session.on("openai_server_event_received", self._saw)

    def _transcribed(self, event: llm.InputTranscriptionCompleted) -> None:
        (self.transcripts if event.is_final else self.partial).append(event.transcript)

    def _failed(self, error: llm.RealtimeModelError) -> None:
        self.errors.append(error)
        self.failure.put_nowait(error)

    def _saw(self, event: dict[str, Any]) -> None:
        self.events.append(dict(event))
        self.seen.append(event["type"])
        self._news.set()

    async def until(self, kind: str, times: int = 1, seconds: float = 20.0) -> dict[str, Any]:
        """The event of this type, when it was seen so many times."""
        async with asyncio.timeout(seconds):
            while self.seen.count(kind) < times:
                self._news.clear()
                await self._news.wait()
        return next(event for event in reversed(self.events) if event["type"] == kind)

    async def say(self, samples: Samples, *, rate: int = RATE) -> None:
        """As fast as it goes: the stand-in goes by the audio's own time."""
        for frame in frames(samples, rate):
            self.session.push_audio(frame)
            await asyncio.sleep(0)

    async def answer(self, seconds: float = 20.0) -> Answer:
        """The next response, to its end."""
        async with asyncio.timeout(seconds):
            return await gather(await self._responses.get())


async def gather(generation: llm.GenerationCreatedEvent) -> Answer:
    answer = Answer(response_id=generation.response_id or "")
    async for message in generation.message_stream:
        answer.message_id = message.message_id
        answer.text = "".join([str(piece) async for piece in message.text_stream])
        pieces = [np.frombuffer(f.data, dtype=np.int16) async for f in message.audio_stream]
        if pieces:
            answer.samples = np.concatenate(pieces)
    answer.calls = [call async for call in generation.function_stream]
    return answer


@contextlib.asynccontextmanager
async def talking(
    address: str, http: aiohttp.ClientSession, **options: Any
) -> AsyncIterator[Listening]:
    """An open session of the real plugin."""
    options.setdefault("api_key", "any-key")
    options.setdefault("voice", "marin")
    options.setdefault("conn_options", APIConnectOptions(max_retry=2, retry_interval=0.1))
    model = RealtimeModel(base_url=f"{address}/openai/v1", http_session=http, **options)
    session = model.session()
    try:
        yield Listening(session)
    finally:
        # A session that ended by an error raises it again here. What went wrong is in `errors`.
        with contextlib.suppress(APIError, ValueError):
            await session.aclose()
        await model.aclose()


def say(text: str) -> str:
    return f'Say exactly: "{text.strip()}"'


async def reply(asked: asyncio.Future[llm.GenerationCreatedEvent]) -> Answer:
    async with asyncio.timeout(20):
        return await gather(await asked)


async def type_in(session: llm.RealtimeSession, text: str) -> None:
    context = session.chat_ctx.copy()
    context.add_message(role="user", content=text)
    await session.update_chat_ctx(context)
