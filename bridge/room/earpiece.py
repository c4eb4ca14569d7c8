"""What the room says, mixed for the phone."""

from __future__ import annotations

import warnings

from livekit import rtc

from bridge.room.cushion import Cushion
from bridge.room.frames import FrameStream

with warnings.catch_warnings():
    # Gone from the standard library with 3.13, where audioop-lts is the same module.
    warnings.simplefilter("ignore", DeprecationWarning)
    import audioop

_FRAME_MS = 20
_BYTES = 2  # a sample
_MOST_WAITING = 2  # frames of one voice, after one was taken


class Earpiece:
    """The sum of all tracks that are listened to, 20 ms each time it is asked for."""

    def __init__(self, sample_rate: int) -> None:
        self.muted = False
        """While the far side holds: nothing is kept for later."""
        self._rate = sample_rate
        self._voices: dict[str, _Voice] = {}

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
            voice.close()

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


class _Voice:
    """One track. Its frames come on LiveKit's clock and are taken on ours."""

    def __init__(self, track: rtc.RemoteAudioTrack, sample_rate: int) -> None:
        self.track = track
        self._stream = FrameStream(track, sample_rate, kept=_MOST_WAITING + 1)
        self._waiting = self._stream.waiting
        self._cushion = Cushion(most=_MOST_WAITING, idle=0)

    @property
    def dropped(self) -> int:
        return self._cushion.dropped + self._stream.overflowed

    def next_frame(self) -> bytes | None:
        if not self._waiting:
            self._cushion.is_too_much(0)
            return None
        pcm = self._waiting.popleft()
        if self._cushion.is_too_much(len(self._waiting)):
            pcm = self._waiting.popleft()
        return pcm

    def close(self) -> None:
        # Else the stream goes on, and plays whatever track comes in this one's place.
        self._stream.close()
