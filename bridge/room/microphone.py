"""What the phone says, as a microphone in the room."""

from __future__ import annotations

import asyncio
import logging
from collections import deque

from livekit import rtc

from bridge.room.cushion import Cushion
from bridge.rtp.codecs import Resampler

_NAME = "phone"
_QUEUE_MS = 20  # of LiveKit's source, which takes up to twice as much
_MOST_WAITING = 0.03  # s in the source, before a frame is added
_IDLE_WAITING = 0.012  # s: our frames are 20 ms, LiveKit takes 10 at a time
_MOST_HELD = 3  # frames that are not with the source yet
_BYTES = 2  # a sample

log = logging.getLogger(__name__)


class Microphone:
    """8 or 16 kHz go to LiveKit as they are: it resamples for Opus anyway."""

    def __init__(self, room: rtc.Room) -> None:
        self._room = room
        self._source: rtc.AudioSource | None = None
        self._publication: rtc.LocalTrackPublication | None = None
        self._convert: Resampler | None = None
        self._held: deque[bytes] = deque(maxlen=_MOST_HELD)
        self._fed = asyncio.Event()
        self._cushion = Cushion(most=_MOST_WAITING, idle=_IDLE_WAITING)
        self._feeding: asyncio.Task[None] | None = None

    @property
    def dropped(self) -> int:
        """Frames that came too late to be said."""
        return self._cushion.dropped

    async def publish(self, sample_rate: int) -> None:
        """The track's rate, in Hz, for good: publish the highest that the call may come to have.

        Silent until the first feed(). Raises rtc.PublishTrackError.
        """
        self._source = source = rtc.AudioSource(sample_rate, 1, queue_size_ms=_QUEUE_MS)
        track = rtc.LocalAudioTrack.create_audio_track(_NAME, source)
        options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE, red=False)
        self._publication = await self._room.local_participant.publish_track(track, options)
        self._feeding = asyncio.create_task(self._feed(source))

    def feed(self, pcm: bytes) -> None:
        """20 ms of 16 bit mono. Never blocks; after a stall of ours what is overdue is dropped."""
        if self._source is None:
            return
        if self._convert is not None:
            pcm = self._convert(pcm)
        if len(self._held) == _MOST_HELD:
            self._cushion.dropped += 1
        self._held.append(pcm)
        self._fed.set()

    def set_rate(self, sample_rate: int) -> None:
        """Of what is fed from now on. The track, and whoever listens to it, stays as it is."""
        source = self._source
        same = source is None or source.sample_rate == sample_rate
        self._convert = None if same else Resampler(sample_rate, source.sample_rate)  # type: ignore[union-attr]

    async def aclose(self) -> None:
        """Safe to repeat; also after the room is lost."""
        source, self._source = self._source, None
        if self._feeding is not None:
            self._feeding.cancel()
            await asyncio.wait([self._feeding])
            self._feeding = None
        if source is not None:
            await source.aclose()

    async def _feed(self, source: rtc.AudioSource) -> None:
        while True:
            await self._fed.wait()
            self._fed.clear()
            while self._held:
                pcm = self._held.popleft()
                if self._cushion.is_too_much(source.queued_duration):
                    continue
                frame = rtc.AudioFrame(pcm, source.sample_rate, 1, len(pcm) // _BYTES)
                try:
                    await source.capture_frame(frame)
                except Exception:  # the library has one kind only; the next frame may do
                    log.exception("20 ms of the phone's sound did not reach the room")
