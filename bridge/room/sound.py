"""Joins what the phone says and hears to the room, from the answer on."""

from __future__ import annotations

from collections.abc import Sequence

from livekit import rtc

from bridge.legs import Leg
from bridge.room import metrics
from bridge.room.earpiece import Earpiece
from bridge.room.microphone import Microphone


class Sound:
    """Until `open` the room hears silence, as with livekit-sip, and the phone as well."""

    def __init__(self, room: rtc.Room, sample_rates: Sequence[int]) -> None:
        """`sample_rates`: those that the call may come to have, in Hz, the likeliest first."""
        self.microphone = Microphone(room)
        self.earpiece = Earpiece(sample_rates[0])
        self._highest = max(sample_rates)
        self._rate = 0
        self._leg: Leg | None = None
        self._counted = {"microphone": 0, "earpiece": 0}

    async def publish(self) -> None:
        """Raises rtc.PublishTrackError."""
        await self.microphone.publish(self._highest)

    def open(self, leg: Leg) -> None:
        self._leg = leg
        if (agreed := leg.negotiated) is not None:
            self._follow(agreed.codec.sample_rate)
        leg.on_frame = self._heard
        if leg.media is not None:
            leg.media.source = self._say

    def mute(self, muted: bool) -> None:
        """While the far side holds nothing is kept for later."""
        self.earpiece.muted = muted

    def close(self) -> None:
        if self._leg is not None:
            self._leg.on_frame = None
            if self._leg.media is not None:
                self._leg.media.source = None
            self._leg = None

    async def aclose(self) -> None:
        self.close()
        self.count()
        await self.earpiece.aclose()
        await self.microphone.aclose()

    def count(self) -> None:
        """What was dropped since the last count, for the metrics."""
        dropped = {"microphone": self.microphone.dropped, "earpiece": self.earpiece.dropped}
        for way, number in dropped.items():
            # The earpiece's falls when a voice leaves.
            metrics.DROPPED.labels(way).inc(max(0, number - self._counted[way]))
        self._counted = dropped

    def _heard(self, pcm: bytes) -> None:
        assert self._leg is not None
        self._follow(self._leg.sample_rate)
        self.microphone.feed(pcm)

    def _say(self) -> bytes | None:
        assert self._leg is not None
        self._follow(self._leg.sample_rate)
        return self.earpiece.next_frame()

    def _follow(self, rate: int) -> None:
        """A re-INVITE may have changed the codec; nobody tells."""
        if rate != self._rate:
            self._rate = rate
            self.microphone.set_rate(rate)
            self.earpiece.set_rate(rate)
