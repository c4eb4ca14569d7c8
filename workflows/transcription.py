"""Has Media Bot transcribe from the answer on, and each of its successors."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ActivityError

from contract.calls import LanguageAnswer, LanguageCommand
from contract.identity import AgentRole
from workflows import options, steps
from workflows.call_state import CallState
from workflows.phone_controls import refusal


@dataclass(frozen=True, slots=True)
class _Wish:
    """What is to stand on Media Bot's participant."""

    generation: int
    changes: int  # of the language: each is a command of its own
    language: str
    is_deaf: bool
    room_sid: str  # who comes into a new room may have lost its attributes

    @property
    def command_id(self) -> str:
        return f"stt-{self.generation}-{self.changes}"


class TranscriptionKeeper:
    """One loop writes the newest wish; what changed several times meanwhile is written once. The
    call goes on without: a write that fails is tried again, ever more seldom."""

    def __init__(self, state: CallState) -> None:
        self._state = state
        self._post = state.agents.posts[AgentRole.MEDIA_BOT]
        self._task: asyncio.Task[None] | None = None
        self._told: _Wish | None = None
        self._failures = 0

    def start(self) -> None:
        self._task = asyncio.create_task(self._tell_media_bot())

    def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()

    def refuse_when_off(self) -> None:
        """Raises ApplicationError, for the validator of `language`."""
        if not self._state.request.transcribe:
            raise refusal("This call is not transcribed.", "call-not-transcribed")

    async def change_language(self, command: LanguageCommand) -> LanguageAnswer:
        """Returns when Media Bot's participant has it, or when it could not be written now: then
        it will be. The same language again: nothing."""
        state = self._state
        if command.language != state.transcription.language:
            state.transcription.change(command.language)
            self._note(
                "transcription_language",
                "operator",
                f"The language of the transcription is now {command.language}.",
                requested_by=command.requested_by,
                language=command.language,
            )
        before = self._failures
        await workflow.wait_condition(
            lambda: state.ending is not None or self._failures > before or not self._has_news
        )
        return LanguageAnswer(state.transcription.language)

    # --- Telling ---------------------------------------------------------------------------------

    @property
    def _wish(self) -> _Wish | None:
        """None while there is nobody to tell, or nothing."""
        state, post = self._state, self._post
        is_talk = state.room_opened and state.answered_at is not None and state.ending is None
        if not state.request.transcribe or not is_talk or not post.came or post.lost:
            return None
        heard = state.transcription
        return _Wish(post.generation, heard.changes, heard.language, heard.is_deaf, state.room_sid)

    @property
    def _has_news(self) -> bool:
        wish = self._wish
        return wish is not None and wish != self._told

    async def _tell_media_bot(self) -> None:
        pause = options.TRANSCRIPTION_AGAIN
        while True:
            await workflow.wait_condition(lambda: self._has_news)
            wish = self._wish
            assert wish is not None
            if await self._write(wish):
                self._tell_of(wish)
                self._told, pause = wish, options.TRANSCRIPTION_AGAIN
            elif self._state.ending is not None:
                return  # given up with the call
            else:
                self._failures += 1
                await workflow.sleep(pause, summary="Ask Media Bot again to transcribe")
                pause = min(2 * pause, options.TRANSCRIPTION_AGAIN_AT_MOST)

    async def _write(self, wish: _Wish) -> bool:
        try:
            await steps.write_transcription(
                self._state, wish.generation, wish.language, wish.command_id, wish.is_deaf
            )
        except ActivityError as error:
            workflow.logger.warning("Media Bot was not told to transcribe: %s", error.cause)
            return False
        self._state.agents.transcribers.add(wish.generation)
        return True

    def _tell_of(self, wish: _Wish) -> None:
        """A change of language, and of who hears, stand on the timeline already."""
        if self._told is None:
            text = f"Transcription began, in {wish.language or 'the usual language'}."
            self._note("transcription_started", "platform", text, language=wish.language)
        elif self._told.generation != wish.generation:
            text = "Transcription goes on: Media Bot is back."
            self._note("transcription_resumed", "platform", text, generation=wish.generation)

    def _note(self, kind: str, actor: str, text: str, **data: Any) -> None:
        self._state.journal.note(workflow.now(), actor, kind, text, data)
