"""The conversation as it happened, turn by turn, for the record."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from livekit.agents import (
    AgentSession,
    ConversationItemAddedEvent,
    UserInputTranscribedEvent,
    UserStateChangedEvent,
)
from livekit.agents.llm import ChatMessage

from agents.turns import Turn


class TurnRecorder:
    def __init__(
        self, session: AgentSession[None], add: Callable[[Turn], None], language: str
    ) -> None:
        self._session = session
        self._add = add
        self._language = language
        self._heard_language = language
        self._began_speaking = 0.0  # the caller, last; seconds since the epoch
        self._last_caller_end = 0.0

    def start(self) -> None:
        self._session.on("user_state_changed", self._on_state)
        self._session.on("user_input_transcribed", self._on_heard)
        self._session.on("conversation_item_added", self._on_item)

    async def aclose(self) -> None:
        self._session.off("conversation_item_added", self._on_item)
        self._session.off("user_input_transcribed", self._on_heard)
        self._session.off("user_state_changed", self._on_state)

    def _on_state(self, changed: UserStateChangedEvent) -> None:
        if changed.new_state == "speaking":
            self._began_speaking = changed.created_at

    def _on_heard(self, heard: UserInputTranscribedEvent) -> None:
        if heard.is_final and heard.language:
            self._heard_language = str(heard.language)

    def _on_item(self, added: ConversationItemAddedEvent) -> None:
        if isinstance(added.item, ChatMessage) and (turn := self._turn(added.item)):
            self._add(turn)

    def _turn(self, message: ChatMessage) -> Turn | None:
        text = (message.text_content or "").strip()
        if not text or message.role not in ("user", "assistant"):
            return None
        caller = message.role == "user"
        start = message.metrics.get("started_speaking_at") or message.created_at
        if caller:
            start = self._start_of_caller(start, message.created_at)
        end = message.metrics.get("stopped_speaking_at") or max(start, message.created_at)
        if caller:
            self._last_caller_end = max(start, end)
        return Turn(
            speaker="caller" if caller else "assistant",
            text=text,
            language=self._heard_language if caller else self._language,
            start=datetime.fromtimestamp(start, UTC),
            end=datetime.fromtimestamp(max(start, end), UTC),
        )

    def _start_of_caller(self, told: float, known_at: float) -> float:
        """livekit keeps the start of the turn before when its voice detector was flushed in it; a
        turn cannot begin before the caller's last one ended."""
        if told >= self._last_caller_end:
            return told
        began = self._began_speaking
        return began if self._last_caller_end <= began <= known_at else known_at
