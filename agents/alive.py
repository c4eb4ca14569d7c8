"""The heartbeat by which Atlas, Media Bot and phone see each other, and who listens to it.

LiveKit needs 20 s to notice a killed process; here it takes at most two.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from livekit import rtc
from livekit.rtc.participant import PublishDataError

from contract.identity import AgentRole
from contract.rooms import Topic

INTERVAL = 0.5
SILENCE = 1.5
PING_PATIENCE = 0.5
_LOOK = 0.05
# A look that comes so late was not late by itself: this process stood still, and what others sent
# meanwhile lies unread before it.
_OWN_STALL = 0.4
# How far back a watcher looks at its own pace, and how much longer it waits at most for that.
_PACE_LOOKS = 200
_USUALLY_LATE = 0.02
_SLOWEST = 3.0


class Heartbeat:
    def __init__(self, room: rtc.Room, role: AgentRole, generation: int) -> None:
        self._room = room
        self._payload = json.dumps({"role": role, "generation": generation})
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._beat(), name="heartbeat")

    async def aclose(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def _beat(self) -> None:
        while True:
            # While the room reconnects publishing fails; the next beat is due anyway.
            with contextlib.suppress(PublishDataError, RuntimeError):
                await self._room.local_participant.publish_data(
                    self._payload, topic=Topic.AGENT_ALIVE
                )
            await asyncio.sleep(INTERVAL)


@dataclass(slots=True)
class _Heard:
    at: float
    """Of the loop's clock. Moved on by the time in which it was our own fault that nothing came."""
    last_sign: float
    """Of the loop's clock: when something really came."""
    asking: asyncio.Task[None] | None = None
    is_lost: bool = False


class Watch:
    """Knows who has fallen silent. Whoever never beat is not missed.

    `ping`: whether that participant answered, or None when that cannot be known now: then it is
    asked again at once. `can_hear`: whether this process is connected at all. `on_lost` is told
    who, and when that one was last heard.
    """

    def __init__(
        self,
        *,
        ping: Callable[[str], Awaitable[bool | None]],
        can_hear: Callable[[], bool],
        on_lost: Callable[[str, datetime], None],
    ) -> None:
        self._ping = ping
        self._can_hear = can_hear
        self._on_lost = on_lost
        self._heard: dict[str, _Heard] = {}
        self._late: deque[float] = deque(maxlen=_PACE_LOOKS)
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._watch(), name="alive_watch")

    async def aclose(self) -> None:
        asking = [heard.asking for heard in self._heard.values() if heard.asking is not None]
        tasks = [task for task in (self._task, *asking) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._heard.clear()
        self._task = None

    def beat(self, identity: str) -> None:
        now = asyncio.get_running_loop().time()
        heard = self._heard.setdefault(identity, _Heard(now, now))
        heard.at = heard.last_sign = now
        heard.is_lost = False

    def forget(self, identity: str) -> None:
        """It left, or another one is watched now."""
        heard = self._heard.pop(identity, None)
        if heard is not None and heard.asking is not None:
            heard.asking.cancel()

    async def _watch(self) -> None:
        loop = asyncio.get_running_loop()
        last = loop.time()
        while True:
            await asyncio.sleep(_LOOK)
            now = loop.time()
            late = now - last - _LOOK
            if not self._can_hear():
                self._excuse(math.inf, now)
            elif late > _OWN_STALL:
                self._excuse(late, now)
            else:
                self._late.append(max(late, 0.0))
            last = now
            patience = SILENCE * self._slowness()
            for identity, heard in self._heard.items():
                if heard.asking is None and not heard.is_lost and now - heard.at >= patience:
                    asking = self._ask(identity, heard)
                    heard.asking = asyncio.create_task(asking, name=f"ping {identity}")

    def _slowness(self) -> float:
        """1 on a quiet machine, 2 where everything takes twice its time: those who are watched
        run there as well, and a living one that is declared lost costs more than a second."""
        late = sum(self._late) / len(self._late) if self._late else 0.0
        return min(1.0 + max(late - _USUALLY_LATE, 0.0) / _LOOK, _SLOWEST)

    def _excuse(self, seconds: float, now: float) -> None:
        """Nobody is to blame for what we could not hear. While LiveKit is away everybody has their
        whole time again; a moment in which we stood still does not count, no more: on a busy
        machine such moments follow each other, and the one who is gone is to be noticed there too.
        """
        for heard in self._heard.values():
            heard.at = min(heard.at + seconds, now)
            if heard.asking is not None:
                heard.asking.cancel()  # the answer may lie unread; asked again at once
                heard.asking = None

    async def _ask(self, identity: str, heard: _Heard) -> None:
        asked_at = heard.at
        try:
            answered = await asyncio.wait_for(self._ping(identity), PING_PATIENCE)
        except TimeoutError:
            answered = None
        heard.asking = None
        if heard.at != asked_at or self._heard.get(identity) is not heard:
            return  # it beat after all, or it left
        now = asyncio.get_running_loop().time()
        if answered:
            self.beat(identity)
        elif answered is False:
            heard.is_lost = True
            self._on_lost(identity, datetime.now(UTC) - timedelta(seconds=now - heard.last_sign))
