"""A whole AgentSession on the stand-in, with a microphone and a speaker that keep real time."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import numpy as np
from livekit import rtc
from livekit.agents import Agent, AgentSession
from livekit.agents.voice import io
from livekit.plugins.openai.realtime import RealtimeModel, RealtimeSession

from sandbox.providers.mouth import Samples
from tests.sandbox.providers.conversations import frames
from tests.sandbox.providers.openai.conversing import RATE, Listening


class Microphone(io.AudioInput):
    def __init__(self) -> None:
        super().__init__(label="caller")
        self._frames: asyncio.Queue[rtc.AudioFrame] = asyncio.Queue()

    async def __anext__(self) -> rtc.AudioFrame:
        return await self._frames.get()

    async def say(self, samples: Samples) -> None:
        started = time.monotonic()
        for number, frame in enumerate(frames(samples, RATE)):
            self._frames.put_nowait(frame)
            await asyncio.sleep(max(0.0, started + (number + 1) * 0.02 - time.monotonic()))


class Speaker(io.AudioOutput):
    """Plays at the pace of sound, and knows how far it was when it was told to stop."""

    def __init__(self) -> None:
        capabilities = io.AudioOutputCapabilities(pause=False)
        super().__init__(label="speaker", capabilities=capabilities, sample_rate=RATE)
        self.played: list[Samples] = []
        self.playing = asyncio.Event()
        self._seconds = 0.0
        self._started: float | None = None
        self._end: asyncio.TimerHandle | None = None

    async def capture_frame(self, frame: rtc.AudioFrame) -> None:
        await super().capture_frame(frame)
        if self._started is None:
            self._started = time.monotonic()
            self.on_playback_started(created_at=time.time())
            self.playing.set()
        self._seconds += frame.duration
        self.played.append(np.frombuffer(frame.data, dtype=np.int16))

    def flush(self) -> None:
        super().flush()
        if self._started is not None:
            left = max(0.0, self._started + self._seconds - time.monotonic())
            self._end = asyncio.get_running_loop().call_later(left, self._finish, False)

    def clear_buffer(self) -> None:
        if self._started is not None:
            self._finish(True)

    def _finish(self, interrupted: bool) -> None:
        if self._end is not None:
            self._end.cancel()
        assert self._started is not None
        position = min(time.monotonic() - self._started, self._seconds)
        self._started, self._seconds = None, 0.0
        self.playing.clear()
        self.on_playback_finished(playback_position=position, interrupted=interrupted)


class Conversation:
    def __init__(self, session: AgentSession[None], wire: Listening) -> None:
        self.session, self.wire = session, wire
        self.microphone, self.speaker = Microphone(), Speaker()
        self.said: list[tuple[str, str, bool]] = []
        self._news = asyncio.Event()
        session.on("conversation_item_added", self._added)

    def _added(self, event: Any) -> None:
        if event.item.type == "message":
            item = event.item
            self.said.append((item.role, item.text_content or "", item.interrupted))
            self._news.set()

    async def until_said(self, role: str, text: str, seconds: float = 30.0) -> None:
        """Once this is written down as said, wholly: for the assistant that is when it was played,
        however long ago the model's response was done."""
        async with asyncio.timeout(seconds):
            while (role, text, False) not in self.said:
                self._news.clear()
                await self._news.wait()


@contextlib.asynccontextmanager
async def conversing(
    address: str, http: aiohttp.ClientSession, agent: Agent, **options: Any
) -> AsyncIterator[Conversation]:
    model = RealtimeModel(
        base_url=f"{address}/openai/v1", api_key="any-key", http_session=http, **options
    )
    session: AgentSession[None] = AgentSession(llm=model, aec_warmup_duration=None)
    opened: list[RealtimeSession] = []
    make = model.session

    def keep(**how: Any) -> RealtimeSession:
        opened.append(make(**how))
        return opened[-1]

    model.session = keep  # type: ignore[method-assign]
    call: Conversation | None = None
    microphone, speaker = Microphone(), Speaker()
    session.input.audio, session.output.audio = microphone, speaker
    try:
        await session.start(agent)
        call = Conversation(session, Listening(opened[0]))
        call.microphone, call.speaker = microphone, speaker
        yield call
    finally:
        await session.aclose()
        await model.aclose()
