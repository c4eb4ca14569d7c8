"""What a caller heard, with the monotonic time of every frame."""

from __future__ import annotations

import asyncio
import bisect
import time
from dataclasses import dataclass, field

import numpy as np

from sandbox.providers.mouth import Samples

SAMPLE_RATE = 16_000
FRAME_SECONDS = 0.02
# A track without a speaker still delivers frames: near silence, not exactly zero.
LOUD = 800


class NotHeard(TimeoutError):
    """What was waited for did not come in time. The message says what."""


@dataclass(slots=True)
class Hearing:
    """One voice, or all of them: frames in order of arrival."""

    _times: list[float] = field(default_factory=list)
    _frames: list[Samples] = field(default_factory=list)
    _loud: list[float] = field(default_factory=list)
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    def hear(self, frame: Samples, at: float) -> None:
        self._times.append(at)
        self._frames.append(frame)
        if is_loud(frame):
            self._loud.append(at)
        self._news.set()

    @property
    def last_loud(self) -> float | None:
        return self._loud[-1] if self._loud else None

    def first_loud(self, since: float = 0.0) -> float | None:
        """Arrival of the first loud frame after `since` (time.monotonic)."""
        index = bisect.bisect_right(self._loud, since)
        return self._loud[index] if index < len(self._loud) else None

    def loud_seconds(self, since: float = 0.0, until: float = float("inf")) -> float:
        first = bisect.bisect_right(self._loud, since)
        return (bisect.bisect_right(self._loud, until) - first) * FRAME_SECONDS

    def pcm(self, since: float = 0.0, until: float = float("inf")) -> Samples:
        """Mono int16 at SAMPLE_RATE, frames strung together as they came."""
        first = bisect.bisect_left(self._times, since)
        frames = self._frames[first : bisect.bisect_right(self._times, until)]
        return np.concatenate(frames) if frames else np.zeros(0, dtype=np.int16)

    async def wait_until_heard(
        self, min_seconds: float = 0.2, *, since: float = 0.0, timeout: float = 15.0
    ) -> float:
        """Returns when the first loud frame came, once so much was heard. Raises NotHeard."""
        deadline = time.monotonic() + timeout
        while self.loud_seconds(since) < min_seconds:
            if not await self._next_frame(deadline):
                heard = self.loud_seconds(since)
                raise NotHeard(
                    f"Heard {heard:.2f} s of speech in {timeout:.0f} s, not {min_seconds:.2f} s."
                )
        first = self.first_loud(since)
        assert first is not None
        return first

    async def wait_for_quiet(self, seconds: float = 0.8, *, timeout: float = 30.0) -> float:
        """Returns the time of the last loud frame once nothing loud followed it for `seconds`."""
        begun = time.monotonic()
        while True:
            quiet_since = max(begun, self.last_loud or 0.0)
            now = time.monotonic()
            if now >= quiet_since + seconds:
                return self.last_loud or begun
            if now > begun + timeout:
                raise NotHeard(f"It was never quiet for {seconds:.1f} s within {timeout:.0f} s.")
            await self._next_frame(min(quiet_since + seconds, begun + timeout))

    async def _next_frame(self, deadline: float) -> bool:
        """False when none came before the deadline (time.monotonic)."""
        self._news.clear()
        try:
            async with asyncio.timeout(max(0.0, deadline - time.monotonic())):
                await self._news.wait()
        except TimeoutError:
            return False
        return True


def is_loud(frame: Samples) -> bool:
    # int32: the absolute value of -32768 does not fit in 16 bits.
    return bool(frame.size) and int(np.abs(frame.astype(np.int32)).max()) >= LOUD
