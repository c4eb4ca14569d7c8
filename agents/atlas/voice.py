"""Speaking and listening, as the other parts of Atlas ask for it."""

from __future__ import annotations

import asyncio
import functools
import logging

from livekit import rtc
from livekit.agents import AgentSession, SpeechCreatedEvent
from livekit.agents.voice import SpeechHandle
from livekit.agents.voice.io import AudioOutput

from agents.atlas.floor import Floor
from agents.atlas.recording import Recording
from agents.atlas.unfinished import Unfinished

log = logging.getLogger(__name__)

_TIDY_PATIENCE = 1.0
# livekit waits 5 s for the tools of an interrupted answer; their results then come by themselves.
_TOOL_PATIENCE = 6.0
# Between the end of a hold and the first word: a key that is pressed back and forth would otherwise
# have the greeting begun twenty times.
_BREATH = 0.3
# Played here is not heard there: the network and the caller's jitter buffer hold it a little
# longer, and a room that closes at once cuts the farewell's end off (0.1 s of "Goodbye" measured).
_STILL_ON_ITS_WAY = 0.3


class Voice:
    """The pipeline's voice: a sentence goes to the speech synthesis as it stands."""

    def __init__(self, session: AgentSession[None], floor: Floor) -> None:
        self._session = session
        self._floor = floor
        self._unfinished = Unfinished()
        self._tidy: asyncio.Future[None] | None = None
        self._taking_up: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._session.on("speech_created", self._created)

    async def aclose(self) -> None:
        self._session.off("speech_created", self._created)
        if self._taking_up is not None:
            self._taking_up.cancel()
            await asyncio.gather(self._taking_up, return_exceptions=True)

    def say(
        self,
        text: str,
        *,
        interruptible: bool = True,
        recording: Recording | None = None,
        again: bool = False,
    ) -> SpeechHandle | None:
        """None when the session is closing: then nothing can be said any more.

        `recording`: this text, spoken in advance. `again`: should a hold cut it off, the caller
        hears it after the hold.
        """
        try:
            speech = self._utter(text, interruptible, recording)
        except RuntimeError:
            return None
        if again:
            self._unfinished.begun(
                speech, functools.partial(self.say, text, recording=recording, again=True)
            )
        return speech

    def generate(self, instructions: str) -> SpeechHandle | None:
        try:
            speech = self._session.generate_reply(instructions=instructions)
        except RuntimeError:
            return None
        self._unfinished.begun(speech, functools.partial(self.generate, instructions))
        return speech

    async def say_out(self, text: str, patience: float) -> None:
        """Say it to the end, for at most `patience` seconds: nobody may be there to hear it."""
        handle = self.say(text, interruptible=False)
        if handle is None:
            return
        try:
            await asyncio.wait_for(handle.wait_for_playout(), patience)
            await asyncio.sleep(_STILL_ON_ITS_WAY)
        except TimeoutError:
            log.warning("a farewell could not be spoken in time", extra={"seconds": patience})

    def hush(self) -> None:
        """Silent and deaf when this returns; what the caller was saying is forgotten."""
        self.listen(False)
        self._unfinished.cut()
        self._stop_sounding()
        try:
            self._tidy = self._session.interrupt(force=True)
            self._session.clear_user_turn()
        except RuntimeError:
            self._tidy = None  # no session to silence

    async def fall_silent(self) -> None:
        """`hush`, and ready to say something else."""
        self.hush()
        await self._tidied_up(_TIDY_PATIENCE)
        self.unhush()

    def unhush(self) -> None:
        self.let_go()

    def take_up(self) -> None:
        """Say what a hold cut off, unless the next hold comes at once."""
        if self._taking_up is not None:
            self._taking_up.cancel()
        self._taking_up = asyncio.create_task(self._take_up(), name="take_up")

    def let_go(self) -> None:
        """Play what is paused. Nothing happens when nothing is."""
        output = self._session.output.audio
        if output is not None and output.can_pause:
            output.resume()

    def listen(self, listening: bool) -> None:
        self._session.input.set_audio_enabled(listening)

    async def _take_up(self) -> None:
        await asyncio.sleep(_BREATH)
        # Until then what was said of an answer is not in the conversation, or its question is not,
        # or the result of the tool that it waited for.
        await self._tidied_up(_TOOL_PATIENCE)
        if self._floor.is_open:
            self._unfinished.say_again()

    async def _tidied_up(self, patience: float) -> None:
        """Silence is immediate; tidying up after the speech that was cut off is not."""
        if self._tidy is not None:
            await asyncio.wait({self._tidy}, timeout=patience)

    def _utter(self, text: str, interruptible: bool, recording: Recording | None) -> SpeechHandle:
        """Raises RuntimeError when the session is closing."""
        kept = recording is not None and recording.is_usable
        if recording is not None and kept:
            return self._session.say(text, audio=recording.frames())
        if interruptible:
            return self._session.say(text)  # whether is the assistant's choice
        return self._session.say(text, allow_interruptions=False)

    def _answer_again(self) -> None:
        """A new answer to what the caller said last, as though the one cut off had never begun."""
        try:
            asked = self._session.current_agent.chat_ctx.copy()
            while asked.items and _is_from_assistant(asked.items[-1]):
                asked.items.pop()
            self._session.generate_reply(chat_ctx=asked)
        except RuntimeError:
            log.info("too late for an answer")

    def _created(self, created: SpeechCreatedEvent) -> None:
        speech = created.speech_handle
        if not self._floor.is_audible:
            # Also what nobody here asked for: an answer that a model had begun before the hold.
            speech.interrupt(force=True)
        else:
            is_answer = created.source == "generate_reply"
            self._unfinished.begun(speech, self._answer_again if is_answer else None)

    def _stop_sounding(self) -> None:
        output = self._session.output.audio
        if output is None:
            return
        if output.can_pause:
            output.pause()
        source = _source_of(output)
        if source is not None:
            # Up to 0.2 s of speech lies in it, which livekit itself clears some turns of the event
            # loop later.
            source.clear_queue()


def _source_of(output: AudioOutput) -> rtc.AudioSource | None:
    while output.next_in_chain is not None:
        output = output.next_in_chain
    source = getattr(output, "_audio_source", None)  # nothing public leads there
    return source if isinstance(source, rtc.AudioSource) else None


def _is_from_assistant(item: object) -> bool:
    return getattr(item, "type", "") == "message" and getattr(item, "role", "") == "assistant"
