from __future__ import annotations

from typing import Protocol

from agents.atlas.floor import Closed, Floor


class HoldableVoice(Protocol):
    def hush(self) -> object: ...

    def unhush(self) -> None: ...


class HoldMode:
    """Silent and deaf while anybody holds the call, whoever says so and in whatever order.

    The attribute, the topics and the RPC methods all lead here. Each piece of news carries a
    number that grows over the call; a lower or equal one is old.
    """

    def __init__(self, floor: Floor, voice: HoldableVoice) -> None:
        self._floor = floor
        self._voice = voice
        self._seq = -1

    def change(self, seq: int, held: bool) -> None:
        """Done when it returns: no sound that was queued is heard after that."""
        if seq <= self._seq:
            return
        self._seq = seq
        if held == self._floor.is_held:
            return  # another holder came or went
        if held:
            # Before the voice: from here on no watchdog, filler or turn starts to speak.
            self._floor.close(Closed.HOLD)
            self._voice.hush()
        else:
            self._voice.unhush()
            self._floor.clear(Closed.HOLD)
