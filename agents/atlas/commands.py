"""The RPC methods by which the workflow leads Atlas."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from agents.atlas.floor import Closed, Floor
from agents.atlas.hold import HoldMode
from agents.atlas.voice import Voice
from agents.rpc import Method
from contract.rooms import AtlasRpc


class Commands:
    """All are idempotent: the workflow repeats what it got no answer to."""

    def __init__(
        self,
        floor: Floor,
        hold: HoldMode,
        voice: Voice,
        end: Callable[[str | None], None],
    ) -> None:
        self._floor = floor
        self._hold_mode = hold
        self._voice = voice
        self._end_call = end
        self._said: set[str] = set()

    def methods(self) -> dict[str, Method]:
        return {
            AtlasRpc.START: self._start,
            AtlasRpc.HOLD: self._hold(True),
            AtlasRpc.RESUME: self._hold(False),
            AtlasRpc.SAY: self._say,
            AtlasRpc.END: self._end,
        }

    async def _start(self, _: dict[str, Any]) -> None:
        self._floor.clear(Closed.GATE)

    def _hold(self, held: bool) -> Method:
        async def run(payload: dict[str, Any]) -> None:
            seq = payload.get("seq")
            if not isinstance(seq, int) or isinstance(seq, bool):
                raise ValueError("seq must be a whole number.")
            self._hold_mode.change(seq, held)

        return run

    async def _say(self, payload: dict[str, Any]) -> None:
        text, said_id = payload.get("text"), payload.get("id")
        if not isinstance(text, str) or not text or not isinstance(said_id, str) or not said_id:
            raise ValueError("text and id must be non-empty text.")
        if said_id in self._said:
            return
        if not self._floor.is_open:
            raise ValueError("Atlas cannot speak now: not answered yet, on hold or ending.")
        self._said.add(said_id)
        self._voice.say(text, again=True)

    async def _end(self, payload: dict[str, Any]) -> None:
        farewell = payload.get("farewell")
        if farewell is not None and not isinstance(farewell, str):
            raise ValueError("farewell must be text or null.")
        self._end_call(farewell)
