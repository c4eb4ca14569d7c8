from __future__ import annotations

import asyncio
import contextlib
from datetime import datetime
from typing import Any

from contract.facts import FactKind, FactSource
from engine.outbox import Deliver, FactOutbox

# A flood of keys or holds is told in pieces (design 5.9).
_INTERVAL = 0.5
# A leg that has ended waits for Temporal to take its last word, as nobody else has it: as long as
# its process lives, which does not wait for it when it ends.
_LAST_WORD_SECONDS = 7 * 86400.0


class FactTeller:
    """What becomes of one leg, told to its call (`bridge.room.Teller`)."""

    def __init__(self, deliver: Deliver) -> None:
        self._outbox = FactOutbox(
            deliver, source=FactSource.BRIDGE, generation=1, interval=_INTERVAL
        )
        self._outbox.start()

    def tell(self, kind: FactKind, data: dict[str, Any], at: datetime) -> None:
        self._outbox.post(kind, data, at)

    async def told(self, patience: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience):
                await self._outbox.emptied()

    async def aclose(self) -> None:
        await self._outbox.aclose(_LAST_WORD_SECONDS)
