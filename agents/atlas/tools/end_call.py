from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from livekit.agents import RunContext, function_tool, llm
from livekit.agents.voice import SpeechHandle

from agents.atlas.floor import Closed, Floor
from agents.atlas.voice import Voice
from contract.assistants import EndCallTool

_PLAYOUT_PATIENCE = 15.0


class EndCall:
    """The assistant ends the call: a farewell, then the workflow is told. Once per call."""

    def __init__(
        self, options: EndCallTool, *, floor: Floor, voice: Voice, ended: Callable[[], None]
    ) -> None:
        self._options = options
        self._floor = floor
        self._voice = voice
        self._ended = ended
        self._task: asyncio.Task[None] | None = None

    def tool(self) -> llm.Tool:
        async def end_call(context: RunContext[None]) -> None:
            # Too late when the caller has just interrupted: then the farewell is not said over.
            with contextlib.suppress(RuntimeError):
                context.disallow_interruptions()
            self._begin(context.speech_handle)

        return function_tool(end_call, name="end_call", description=self._options.description)

    async def aclose(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    def _begin(self, current: SpeechHandle) -> None:
        if self._floor.is_ending:
            return
        self._floor.close(Closed.ENDING)
        # Not awaited by the tool: its own speech ends only when the tool has returned.
        self._task = asyncio.create_task(self._take_leave(current), name="farewell")

    async def _take_leave(self, current: SpeechHandle) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(current.wait_for_playout(), _PLAYOUT_PATIENCE)
        if self._options.farewell:
            await self._voice.say_out(self._options.farewell, _PLAYOUT_PATIENCE)
        self._ended()
