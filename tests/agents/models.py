"""A mind and a mouth without a vendor, and an ear at the end of an agent session."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from livekit import rtc
from livekit.agents import DEFAULT_API_CONNECT_OPTIONS, APIConnectionError, llm, tts
from livekit.agents.voice import io

RATE = 24_000
SAMPLES_A_WORD = RATE // 10


class Mouth(tts.TTS):
    """Every word is a tenth of a second of sound; counts what it is asked for."""

    def __init__(self, *, takes: float = 0.0, fails: bool = False) -> None:
        super().__init__(
            capabilities=tts.TTSCapabilities(streaming=False), sample_rate=RATE, num_channels=1
        )
        self.takes = takes
        self.fails = fails
        self.asked: list[str] = []

    def synthesize(self, text: str, *, conn_options: Any = DEFAULT_API_CONNECT_OPTIONS) -> Speaking:
        self.asked.append(text)
        return Speaking(tts=self, input_text=text, conn_options=conn_options)


class Speaking(tts.ChunkedStream):
    async def _run(self, output_emitter: tts.AudioEmitter) -> None:
        mouth = self._tts
        assert isinstance(mouth, Mouth)
        if mouth.fails:
            raise APIConnectionError("out of order", retryable=False)
        await asyncio.sleep(mouth.takes)
        output_emitter.initialize(
            request_id="1", sample_rate=RATE, num_channels=1, mime_type="audio/pcm"
        )
        output_emitter.push(b"\x10\x10" * SAMPLES_A_WORD * len(self._input_text.split()))
        output_emitter.flush()


class Thinker(llm.LLM):
    """Answers with its lines, one after the other, and keeps what it was asked. A line that ends
    with () is the tool of that name."""

    def __init__(self, *lines: str, takes: float = 0.0) -> None:
        super().__init__()
        self.takes = takes
        self.lines = list(lines)
        self.asked: list[list[tuple[str, str]]] = []

    def chat(
        self,
        *,
        chat_ctx: llm.ChatContext,
        tools: Sequence[llm.Tool] | None = None,
        conn_options: Any = DEFAULT_API_CONNECT_OPTIONS,
        **_: Any,
    ) -> Thinking:
        messages = [item for item in chat_ctx.items if item.type == "message"]
        self.asked.append([(item.role, item.text_content or "") for item in messages])
        return Thinking(self, chat_ctx=chat_ctx, tools=list(tools or []), conn_options=conn_options)


class Thinking(llm.LLMStream):
    async def _run(self) -> None:
        mind = self._llm
        assert isinstance(mind, Thinker)
        line = mind.lines.pop(0)
        await asyncio.sleep(mind.takes)
        if line.endswith("()"):
            call = llm.FunctionToolCall(name=line[:-2], arguments="{}", call_id="1")
            delta = llm.ChoiceDelta(role="assistant", tool_calls=[call])
        else:
            delta = llm.ChoiceDelta(role="assistant", content=line)
        self._event_ch.send_nowait(llm.ChatChunk(id="1", delta=delta))


class Ear(io.AudioOutput):
    """Hears in real time what the session plays; keeps the seconds that were really heard."""

    def __init__(self) -> None:
        super().__init__(
            label="ear", capabilities=io.AudioOutputCapabilities(pause=True), sample_rate=RATE
        )
        self.heard = 0.0
        self.calls: list[str] = []
        self._waiting = 0.0
        self._segment = 0.0
        self._progress = asyncio.Condition()
        self._playing: asyncio.Task[None] | None = None
        self._runs = asyncio.Event()
        self._runs.set()

    async def heard_for(self, seconds: float) -> None:
        async with self._progress:
            await self._progress.wait_for(lambda: self.heard >= seconds)

    async def capture_frame(self, frame: rtc.AudioFrame) -> None:
        await super().capture_frame(frame)
        self._waiting += frame.duration
        if self._playing is None:
            self._playing = asyncio.create_task(self._play())

    def flush(self) -> None:
        super().flush()

    def clear_buffer(self) -> None:
        self.calls.append("clear")
        self._waiting = 0.0
        if self._playing is not None:
            self._playing.cancel()
            self._over(interrupted=True)

    def pause(self) -> None:
        self.calls.append("pause")
        self._runs.clear()

    def resume(self) -> None:
        self.calls.append("resume")
        self._runs.set()

    async def _play(self) -> None:
        self.on_playback_started(created_at=0.0)
        while self._waiting > 0:
            await self._runs.wait()
            await asyncio.sleep(0.01)
            if self._runs.is_set():
                self._waiting -= 0.01
                self._segment += 0.01
                self.heard += 0.01
                async with self._progress:
                    self._progress.notify_all()
        self._over(interrupted=False)

    def _over(self, *, interrupted: bool) -> None:
        self._playing = None
        position, self._segment = self._segment, 0.0
        self.on_playback_finished(playback_position=position, interrupted=interrupted)
