from __future__ import annotations

from collections.abc import AsyncIterator

from livekit.agents import Agent, AgentSession, ModelSettings, StopResponse, llm
from livekit.agents.voice.room_io import TextInputEvent

from agents.atlas.fillers import Chunk, FillerController
from agents.atlas.floor import Floor
from agents.atlas.transcript import typed_message

_LONGEST_TEXT = 4_000  # characters of one typed message


class AtlasAgent(Agent):
    """An assistant's instructions and tools, deaf and mute while the floor is closed."""

    def __init__(
        self,
        instructions: str,
        tools: list[llm.Tool | llm.Toolset],
        floor: Floor,
        fillers: FillerController,
    ) -> None:
        super().__init__(instructions=instructions, tools=tools)
        self._floor = floor
        self._fillers = fillers

    async def on_user_turn_completed(
        self, turn_ctx: llm.ChatContext, new_message: llm.ChatMessage
    ) -> None:
        # A transcript can arrive after the hold that silenced its speaker.
        if not self._floor.is_open:
            raise StopResponse

    async def llm_node(
        self, chat_ctx: llm.ChatContext, tools: list[llm.Tool], model_settings: ModelSettings
    ) -> AsyncIterator[Chunk]:
        answer = Agent.default.llm_node(self, chat_ctx, tools, model_settings)
        async for chunk in self._fillers.ahead_of(answer):
            yield chunk

    async def on_text(self, session: AgentSession[None], typed: TextInputEvent) -> None:
        """A typed message of the caller (topic lk.chat) is a turn like a spoken one."""
        text = typed.text.strip()[:_LONGEST_TEXT]
        if not text or not self._floor.is_open:
            return
        await session.interrupt()
        session.generate_reply(user_input=typed_message(text))
