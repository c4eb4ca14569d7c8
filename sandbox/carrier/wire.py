"""What arrives for the phone, packet by packet, as it comes from the wire.

The ear is behind the jitter buffer, and deaf while the phone holds or has not answered. Whether
the other side was truly silent then only the wire can tell, and when, to the millisecond.
"""

from __future__ import annotations

import asyncio
import time
from array import array
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt

from bridge.rtp.codecs import decoder
from bridge.rtp.packet import RtpPacket, is_rtcp
from bridge.sdp import G722, PCMA, PCMU
from sandbox.carrier.ear import PAUSE, VOICED
from sandbox.carrier.times import written

Floats = npt.NDArray[np.float64]
Span = tuple[datetime, datetime]

_SHORTEST_NAP, _LONGEST_NAP = 0.02, 0.2


def _by_byte(codec: Any) -> Floats:
    """The amplitude that each byte of a G.711 codec stands for."""
    samples = np.frombuffer(decoder(codec).decode(bytes(range(256))), dtype="<i2")
    return np.abs(samples.astype(np.float64))


_AMPLITUDES = {0: _by_byte(PCMU), 8: _by_byte(PCMA)}  # payload types of RFC 3551
_G722 = 9


class WireEar:
    """`hear` each datagram that came. Loudness is of 16-bit samples; G.711's own silence is 0 with
    PCMU and 8 with PCMA."""

    def __init__(self) -> None:
        self.events = 0
        """Packets of another payload: telephone events."""
        self.malformed = 0
        self._at = array("d")  # UNIX time of each packet
        self._loudest = array("d")
        self._audible: list[list[float]] = []
        self._last_audible = 0.0  # time.monotonic
        self._wideband = decoder(G722)

    def hear(self, data: bytes) -> None:
        """A datagram from the port of the audio."""
        if is_rtcp(data):
            return
        try:
            packet = RtpPacket.parse(data)
        except ValueError:
            self.malformed += 1
            return
        amplitudes = self._amplitudes(packet)
        if amplitudes is None:
            self.events += 1
            return
        now = time.time()
        self._at.append(now)
        self._loudest.append(float(amplitudes.max(initial=0.0)))
        if self._loudest[-1] > VOICED and float(np.sqrt(np.mean(amplitudes**2))) > VOICED:
            self._last_audible = time.monotonic()
            if self._audible and now - self._audible[-1][1] < PAUSE:
                self._audible[-1][1] = now
            else:
                self._audible.append([now, now])

    async def hear_out(self, since: float, quiet: float, patience: float) -> bool:
        """Returns once something was to be heard after `since` (time.monotonic) and then nothing
        for `quiet` seconds; False when `patience` was over first."""
        deadline = time.monotonic() + patience
        while (now := time.monotonic()) < deadline:
            spoke = self._last_audible > since
            left = self._last_audible + quiet - now if spoke else _LONGEST_NAP
            if spoke and left <= 0:
                return True
            await asyncio.sleep(min(max(left, _SHORTEST_NAP), _LONGEST_NAP))
        return False

    def document(self, answered_at: datetime | None, held: list[Span]) -> dict[str, Any]:
        """For JSON; may be asked at any time. `held`: when the phone held."""
        at, loudest = np.array(self._at), np.array(self._loudest)
        early = at < answered_at.timestamp() if answered_at else np.ones(at.size, dtype=bool)
        on_hold = np.zeros(at.size, dtype=bool)
        for began, ended in held:
            on_hold |= (at > began.timestamp()) & (at < ended.timestamp())
        return {
            "packets": at.size,
            "events": self.events,
            "malformed": self.malformed,
            "first_at": _time(self._at[0]) if at.size else None,
            "last_at": _time(self._at[-1]) if at.size else None,
            "audible": [[_time(began), _time(ended)] for began, ended in self._audible],
            "before_answer": _loudness(loudest[early]),
            "while_held": _loudness(loudest[on_hold]),
        }

    def _amplitudes(self, packet: RtpPacket) -> Floats | None:
        table = _AMPLITUDES.get(packet.payload_type)
        if table is not None:
            amplitudes: Floats = table[np.frombuffer(packet.payload, dtype=np.uint8)]
            return amplitudes
        if packet.payload_type != _G722:
            return None
        samples = np.frombuffer(self._wideband.decode(packet.payload), dtype="<i2")
        return np.abs(samples.astype(np.float64))


def _loudness(loudest: Floats) -> dict[str, Any]:
    return {"packets": int(loudest.size), "loudest": round(float(loudest.max(initial=0.0)))}


def _time(at: float) -> str | None:
    return written(datetime.fromtimestamp(at, UTC))
