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

SECONDS_A_WORD = 0.35


_TYPED = "typed"


def typed_message(text: str) -> ChatMessage:
    """What the caller wrote, as it goes into the conversation. Providers do not see the mark."""
    return ChatMessage(role="user", content=[text], extra={_TYPED: True})


class TurnRecorder:
    def __init__(
        self, session: AgentSession[None], add: Callable[[Turn], None], language: str
    ) -> None:
        self._session = session
        self._add = add
        self._language = language
        self._heard_language = language
        # Signs of the caller's speech since their last turn, in seconds since the epoch.
        self._signs: list[float] = []
        self._last_caller_end = 0.0
        self._quiet_since = 0.0

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
            self._signs.append(changed.created_at)
        elif changed.old_state == "speaking":
            self._quiet_since = changed.created_at

    def _on_heard(self, heard: UserInputTranscribedEvent) -> None:
        self._signs.append(heard.created_at)
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
        end = message.metrics.get("stopped_speaking_at") or max(start, message.created_at)
        if caller and "stopped_speaking_at" not in message.metrics:
            # Of a realtime model: the turn says when it began, only the detector when it was over.
            end = max(end, self._quiet_since)
        if caller:
            start = self._start_of_caller(start, end, text)
            self._last_caller_end = max(start, end)
            self._signs.clear()
        return Turn(
            speaker="caller" if caller else "assistant",
            text=text,
            language=self._heard_language if caller else self._language,
            start=datetime.fromtimestamp(start, UTC),
            end=datetime.fromtimestamp(max(start, end), UTC),
            is_typed=bool(message.extra.get(_TYPED)),
        )

    def _start_of_caller(self, told: float, end: float, text: str) -> float:
        """livekit keeps the start of the turn before when its voice detector was flushed in it; a
        turn cannot begin before the caller's last one ended. Then the first sign of speech counts,
        and without any the time that these words usually take."""
        if told >= self._last_caller_end:
            return told
        signs = (sign for sign in self._signs if self._last_caller_end <= sign < end)
        usual = end - SECONDS_A_WORD * len(text.split())
        return min(signs, default=max(self._last_caller_end, usual))
