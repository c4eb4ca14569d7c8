from __future__ import annotations

import asyncio
from collections.abc import Callable

from contract.assistants import SilenceOptions


class SilenceWatchdog:
    """Asks whether somebody is still there, and gives the call up when nobody is.

    `quiet` says that nobody speaks, thinks, waits in hold or before the gate: only then does the
    silence count.
    """

    def __init__(
        self,
        options: SilenceOptions,
        *,
        say: Callable[[str], None],
        give_up: Callable[[], None],
    ) -> None:
        self._options = options
        self._say = say
        self._give_up = give_up
        self._asked = 0
        self._quiet = False
        self._started = False
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        self._started = True
        self._rearm()

    async def aclose(self) -> None:
        self._started = False
        self._rearm()

    def is_quiet(self, quiet: bool) -> None:
        """Tell it whenever this may have changed; only changes restart the count."""
        if quiet != self._quiet:
            self._quiet = quiet
            self._rearm()

    def heard(self) -> None:
        """The caller said something: the reprompts begin anew."""
        self._asked = 0
        self._rearm()

    def _rearm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        done = self._asked > len(self._options.reprompts)
        if self._started and self._quiet and not done:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self._options.reprompt_after, self._fire)

    def _fire(self) -> None:
        asked, self._asked = self._asked, self._asked + 1
        # Also counts on should the reprompt not be heard, because the voice is out of order.
        self._rearm()
        if asked < len(self._options.reprompts):
            self._say(self._options.reprompts[asked])
        elif self._options.end_call:
            self._give_up()
