"""What the room says, mixed for the phone."""

from __future__ import annotations

import asyncio
import logging
import warnings
from collections import deque

from livekit import rtc

from bridge.room.cushion import Cushion

with warnings.catch_warnings():
    # Gone from the standard library with 3.13, where audioop-lts is the same module.
    warnings.simplefilter("ignore", DeprecationWarning)
    import audioop

_FRAME_MS = 20
_BYTES = 2  # a sample
_MOST_WAITING = 2  # frames of one voice, after one was taken

log = logging.getLogger(__name__)


class Earpiece:
    """The sum of all tracks that are listened to, 20 ms each time it is asked for."""

    def __init__(self, sample_rate: int) -> None:
        self.muted = False
        """While the far side holds: nothing is kept for later."""
        self._rate = sample_rate
        self._voices: dict[str, _Voice] = {}
        self._closing: set[asyncio.Task[None]] = set()

    @property
    def dropped(self) -> int:
        """Frames that came too late to be said, of the voices that are heard now."""
        return sum(voice.dropped for voice in self._voices.values())

    def listen_to(self, track: rtc.RemoteAudioTrack, sid: str) -> None:
        """Instead of what it heard under this sid before."""
        self.forget(sid)
        self._voices[sid] = _Voice(track, self._rate)

    def forget(self, sid: str) -> None:
        """Silent at once; safe to repeat."""
        if (voice := self._voices.pop(sid, None)) is not None:
            task = asyncio.create_task(voice.aclose())
            self._closing.add(task)
            task.add_done_callback(self._closed)

    def next_frame(self) -> bytes | None:
        """Never blocks. None: nobody said anything, or it has not come yet."""
        mixed: bytes | None = None
        for voice in self._voices.values():
            pcm = voice.next_frame()
            if pcm is not None:
                mixed = pcm if mixed is None else audioop.add(mixed, pcm, _BYTES)  # saturates
        return None if self.muted else mixed

    def set_rate(self, sample_rate: int) -> None:
        """Of the frames that are given from now on, in Hz."""
        if sample_rate == self._rate:
            return
        self._rate = sample_rate
        for sid, voice in list(self._voices.items()):
            self.listen_to(voice.track, sid)

    async def aclose(self) -> None:
        """Safe to repeat."""
        for sid in list(self._voices):
            self.forget(sid)
        if self._closing:
            await asyncio.wait(self._closing)

    def _closed(self, task: asyncio.Task[None]) -> None:
        self._closing.discard(task)
        _told(task)


def _told(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("a voice of the room is not heard any more", exc_info=error)


class _Voice:
    """One track. Its frames come on LiveKit's clock and are taken on ours."""

    def __init__(self, track: rtc.RemoteAudioTrack, sample_rate: int) -> None:
        self.track = track
        self._stream = rtc.AudioStream(
            track, sample_rate=sample_rate, num_channels=1, frame_size_ms=_FRAME_MS, capacity=4
        )
        self._waiting: deque[bytes] = deque(maxlen=_MOST_WAITING + 1)
        self._cushion = Cushion(most=_MOST_WAITING, idle=0)
        self._reading = asyncio.create_task(self._read())
        self._reading.add_done_callback(_told)

    @property
    def dropped(self) -> int:
        return self._cushion.dropped

    def next_frame(self) -> bytes | None:
        if not self._waiting:
            self._cushion.is_too_much(0)
            return None
        pcm = self._waiting.popleft()
        if self._cushion.is_too_much(len(self._waiting)):
            pcm = self._waiting.popleft()
        return pcm

    async def aclose(self) -> None:
        # Else the stream goes on, and plays whatever track comes in this one's place.
        await self._stream.aclose()
        await asyncio.wait([self._reading])

    async def _read(self) -> None:
        async for event in self._stream:
            if len(self._waiting) > _MOST_WAITING:
                self._cushion.dropped += 1
            self._waiting.append(bytes(event.frame.data.cast("B")))
