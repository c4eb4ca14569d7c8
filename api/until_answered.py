"""Messages to Temporal that must arrive although it is away just now."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from contract.errors import Unavailable

_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 15.0

log = structlog.get_logger()


class UntilAnswered:
    """Repeats each message until Temporal took it, in memory of this process only.

    Used where the request itself was refused with 503 already, so that nothing is promised to
    anybody; it only keeps an unknown outcome from leaving something behind.
    """

    def __init__(self) -> None:
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def keep(self, call_id: str, message: Callable[[], Awaitable[None]]) -> None:
        if call_id not in self._tasks:
            task = asyncio.create_task(self._repeat(call_id, message), name=f"until-{call_id}")
            self._tasks[call_id] = task
            task.add_done_callback(lambda _: self._tasks.pop(call_id, None))

    async def aclose(self) -> None:
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _repeat(self, call_id: str, message: Callable[[], Awaitable[None]]) -> None:
        pause = _FIRST_PAUSE
        while True:
            await asyncio.sleep(pause)
            try:
                await message()
            except Unavailable:
                pause = min(pause * 2, _LONGEST_PAUSE)
            except Exception:
                log.exception("message_given_up", call_id=call_id)
                return
            else:
                log.info("message_delivered_late", call_id=call_id)
                return
