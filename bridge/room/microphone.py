"""What the phone says, as a microphone in the room."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from livekit import rtc

from bridge.room.doubling import Doubler
from bridge.room.frames import FrameSource
from bridge.room.unbroken import keeper
from bridge.rtp.codecs import Resampler

_NAME = "phone"
_FRAME = 0.02  # s
_MOST_AHEAD = 0.01  # s of sound before its time, when another frame comes
_MOST_BEHIND = 0.03  # s: what comes later than that is replaced by silence, without a pause
_MOST_FILLED = 1.0  # s of silence at once, after the whole process stood still


class Microphone:
    """8 or 16 kHz go to LiveKit as they are: it resamples for Opus anyway."""

    def __init__(self, room: rtc.Room) -> None:
        self.dropped = 0  # frames that came too late to be said
        self._room = room
        self._source: FrameSource | None = None
        self._silence = b""
        self._convert: Callable[[bytes], bytes] | None = None
        self._said_until = 0.0  # s of the monotonic clock: when more is due
        self._patience = _FRAME  # s until silence takes its place
        self._lock = threading.Lock()  # the keeper's thread says silence

    async def publish(self, sample_rate: int) -> None:
        """The track's rate, in Hz, for good: publish the highest that the call may come to have.

        Silent until the first feed(), and whenever nothing is fed. Raises rtc.PublishTrackError.
        """
        source = FrameSource(sample_rate)
        track = rtc.LocalAudioTrack.create_audio_track(_NAME, source.source)
        options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE, red=False)
        try:
            await self._room.local_participant.publish_track(track, options)
        except BaseException:
            await source.aclose()
            raise
        self._silence = bytes(sample_rate // 50 * 2)
        self._said_until = time.monotonic()
        self._source = source
        keeper.add(self)

    def feed(self, pcm: bytes) -> None:
        """20 ms of 16 bit mono. Never blocks; after a stall of ours what is overdue is dropped."""
        if self._convert is not None:
            pcm = self._convert(pcm)
        with self._lock:
            if self._source is None:
                return
            now = time.monotonic()
            self._fill(now)
            self._patience = _MOST_BEHIND
            if self._said_until - now <= _MOST_AHEAD:
                self._say(pcm)
            else:  # silence has taken its place
                self.dropped += 1

    def set_rate(self, sample_rate: int) -> None:
        """Of what is fed from now on. The track, and whoever listens to it, stays as it is."""
        track = sample_rate if self._source is None else self._source.sample_rate
        if track == 2 * sample_rate:
            self._convert = Doubler()
        else:
            self._convert = None if track == sample_rate else Resampler(sample_rate, track)

    def keep_on(self, now: float) -> None:
        if now - self._said_until > self._patience:  # without the lock, as it is mostly not so
            with self._lock:
                self._fill(now)

    async def aclose(self) -> None:
        """Safe to repeat; also after the room is lost."""
        keeper.remove(self)
        with self._lock:
            source, self._source = self._source, None
        if source is not None:
            await source.aclose()

    def _fill(self, now: float) -> None:
        if now - self._said_until <= self._patience:
            return
        self._patience = _FRAME
        self._said_until = max(self._said_until, now - _MOST_FILLED)
        while now - self._said_until > _FRAME:
            self._say(self._silence)

    def _say(self, pcm: bytes) -> None:
        self._said_until += _FRAME
        if self._source is not None and not self._source.capture(pcm):
            self.dropped += 1
