"""Speaking and listening, as the other parts of Atlas ask for it."""

from __future__ import annotations

import asyncio
import logging

from livekit.agents import AgentSession
from livekit.agents.voice import SpeechHandle

log = logging.getLogger(__name__)

_TIDY_PATIENCE = 1.0
# Played here is not heard there: the network and the caller's jitter buffer hold it a little
# longer, and a room that closes at once cuts the farewell's end off (0.1 s of "Goodbye" measured).
_STILL_ON_ITS_WAY = 0.3


class Voice:
    def __init__(self, session: AgentSession[None]) -> None:
        self._session = session

    def say(self, text: str, *, interruptible: bool = True) -> SpeechHandle | None:
        """None when the session is closing: then nothing can be said any more."""
        try:
            if interruptible:
                return self._session.say(text)  # whether is the assistant's choice
            return self._session.say(text, allow_interruptions=False)
        except RuntimeError:
            return None

    def generate(self, instructions: str) -> SpeechHandle | None:
        try:
            return self._session.generate_reply(instructions=instructions)
        except RuntimeError:
            return None

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

    async def hush(self) -> None:
        """Silent at once, and deaf; what the caller was saying is forgotten."""
        self.listen(False)
        try:
            stopped = self._session.interrupt(force=True)
            self._session.clear_user_turn()
        except RuntimeError:
            return  # no session to silence
        # Silence is immediate; tidying up the speech is not, and the workflow waits for an answer.
        await asyncio.wait({stopped}, timeout=_TIDY_PATIENCE)
        self._session.output.set_audio_enabled(False)

    def unhush(self) -> None:
        self._session.output.set_audio_enabled(True)

    def let_go(self) -> None:
        """Play what is paused. Nothing happens when nothing is."""
        output = self._session.output.audio
        if output is not None and output.can_pause:
            output.resume()

    def listen(self, listening: bool) -> None:
        self._session.input.set_audio_enabled(listening)
