from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from livekit.agents import RunContext, function_tool, llm
from livekit.agents.voice import SpeechHandle

from agents.atlas.floor import Floor
from agents.atlas.voice import Voice
from contract.assistants import HoldCallerTool

_PLAYOUT_PATIENCE = 15.0
# From the wish to the hold, over the workflow.
_HOLD_PATIENCE = 10.0


class HoldCaller:
    """The assistant puts the caller on hold: says so, and then the workflow is told, which holds
    and ends the hold. When it has ended, by whomever, the assistant speaks first."""

    def __init__(
        self, options: HoldCallerTool, *, floor: Floor, voice: Voice, asked: Callable[[float], None]
    ) -> None:
        self._options = options
        self._floor = floor
        self._voice = voice
        self._asked = asked
        self._held = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        floor.on_change(self._floor_changed)

    def tool(self) -> llm.Tool:
        async def hold_caller(context: RunContext[None]) -> None:
            # Too late when the caller has just interrupted: then it is said over.
            with contextlib.suppress(RuntimeError):
                context.disallow_interruptions()
            self._begin(context.speech_handle)

        return function_tool(hold_caller, name="hold_caller", description=self._options.description)

    async def aclose(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    def _floor_changed(self) -> None:
        if self._floor.is_held:
            self._held.set()

    def _begin(self, current: SpeechHandle) -> None:
        if not self._floor.is_open or (self._task is not None and not self._task.done()):
            return
        self._held.clear()
        # Not awaited by the tool: its own speech ends only when the tool has returned.
        self._task = asyncio.create_task(self._hold(current), name="hold_caller")

    async def _hold(self, current: SpeechHandle) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(current.wait_for_playout(), _PLAYOUT_PATIENCE)
        if self._options.before and self._floor.is_open:
            await self._voice.say_out(self._options.before, _PLAYOUT_PATIENCE)
        if not self._floor.is_open:
            return  # somebody else holds already, or the call ends
        self._asked(self._options.seconds)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._held.wait(), _HOLD_PATIENCE)
        if not self._held.is_set():
            return  # nobody held; the conversation goes on as it is
        await self._floor.opened()
        if self._options.after:
            self._voice.say(self._options.after, again=True)
