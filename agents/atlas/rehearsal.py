"""The first words, made while the phone rings: nothing of them sounds before the answer."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterable

from livekit.agents import Agent, AgentSession, ModelSettings, llm
from livekit.agents.voice.generation import perform_tts_inference

from agents.atlas.recording import Recording
from contract.assistants import OpeningMode, OpeningOptions

log = logging.getLogger(__name__)


class CannotRehearse(Exception):
    """The model wants to do something before it speaks: that waits for the answer."""


class Rehearsal:
    """What an opening will sound like, through the very nodes that would speak it afterwards."""

    def __init__(
        self, session: AgentSession[None], options: OpeningOptions, instructions: str
    ) -> None:
        """`instructions`: what the model is told of an opening that it makes up itself."""
        self._session = session
        self._options = options
        self._instructions = instructions
        self.text: str | None = None
        """The words, once they are known."""
        self.recording = Recording()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        if self._options.mode is not OpeningMode.WAIT:
            self._task = asyncio.create_task(self._rehearse(), name="rehearsal")

    async def aclose(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    def stop_unless_usable(self) -> None:
        """At the answer: who begins anew does not also pay for this."""
        if self._task is not None and not self.recording.is_usable:
            self._task.cancel()

    async def _rehearse(self) -> None:
        try:
            agent = self._session.current_agent
            text = self._options.text
            if self._options.mode is OpeningMode.GENERATE:
                text = await self._compose(agent)
            self.text = text
            if text:
                await self._record(agent, text)
        except asyncio.CancelledError:
            self.recording.fail()
            raise
        except Exception as failed:
            # Then it is made when it is due, and an error that stays is told there.
            log.info("an opening was not prepared", extra={"error": type(failed).__name__})
            self.recording.fail()
        else:
            self.recording.end()

    async def _compose(self, agent: Agent) -> str:
        asked = agent.chat_ctx.copy()
        asked.add_message(role="system", content=[self._instructions])
        tools = llm.ToolContext(agent.tools).flatten()
        said = ""
        async for chunk in Agent.default.llm_node(agent, asked, tools, ModelSettings()):
            if isinstance(chunk, llm.ChatChunk) and chunk.delta is not None:
                if chunk.delta.tool_calls:
                    raise CannotRehearse
                said += chunk.delta.content or ""
            elif isinstance(chunk, str):
                said += chunk
        return said.strip()

    async def _record(self, agent: Agent, text: str) -> None:
        speaking, spoken = perform_tts_inference(
            node=agent.tts_node,
            input=_once(text),
            model_settings=ModelSettings(),
            text_transforms=self._session.options.tts_text_transforms,
        )
        try:
            async for frame in spoken.audio_ch:
                self.recording.add(frame)
            await speaking
        finally:
            speaking.cancel()
            await asyncio.gather(speaking, return_exceptions=True)


async def _once(text: str) -> AsyncIterable[str]:
    yield text
