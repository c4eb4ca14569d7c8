from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable

log = logging.getLogger(__name__)

# Of an answer that was paused in its middle. Longer than livekit's own
# `false_interruption_timeout`, which is the ordinary way out.
PATIENCE_SECONDS = 0.7
# Of an answer that has not begun: each tenth of a second is silence on the line, and with 0.7 one
# turn of twelve was 0.6 s late. That the caller is quiet is known, so nothing else is waited for.
PATIENCE_BEFORE_THE_FIRST_WORD_SECONDS = 0.2
_LOOK_SECONDS = 0.1


class WithheldAnswer:
    """Lets an answer go that livekit keeps back although nobody speaks.

    livekit-agents 1.8.9 pauses an answer as soon as the caller seems to speak on, and lets it go
    at the end of that speech. When the recogniser's end comes while the voice detector is still in
    a segment, the detector is flushed and its own end never comes: the answer stays paused and the
    caller sits in silence (seen once in about 60 turns on a busy machine; livekit/agents#4615 and
    agents-js#2322 are about the same pause).
    """

    def __init__(
        self, *, patience: Callable[[], float | None], release: Callable[[], None]
    ) -> None:
        """`patience`: in seconds, when an answer exists that is not being spoken although the
        caller is quiet; otherwise None."""
        self._patience = patience
        self._release = release
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._watch(), name="withheld_answer")

    async def aclose(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    async def _watch(self) -> None:
        looks = 0
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            patience = self._patience()
            looks = looks + 1 if patience is not None else 0
            if patience is not None and looks * _LOOK_SECONDS >= patience:
                # Also true of a model that thinks for long; nothing is paused then, and releasing
                # what is not held changes nothing.
                self._release()
                looks = 0
