"""What of one stream arrived: RFC 3550 appendices A.1, A.3 and A.8."""

from __future__ import annotations

from bridge.rtp.counting import sequence_step, timestamp_step
from bridge.sdp.codecs import CLOCK_RATE

_MAX_DROPOUT = 3000  # packets; a larger step forward is a new beginning, if two packets say so
_WINDOW = 256  # packets that are remembered one by one; the same for a larger step back
_MAX_DEVIATION = CLOCK_RATE  # a second more or less is no jitter, but another timeline


class Reception:
    """Counts over a whole call, through changes of the source."""

    def __init__(self) -> None:
        self.received = 0
        self.duplicated = 0
        self.stray = 0  # packets far from all others
        self.began = False
        """The last packet began a sequence: its source is another, or has begun anew."""
        self.jitter = 0.0  # timestamp units
        self._expected_before = 0  # of earlier sources
        self._first = 0
        self._highest: int | None = None  # extended sequence number
        self._base = 0x10000  # of the next beginning: above all earlier ones
        self._awaited: int | None = None  # after a stray packet: what would confirm it
        self._seen = 0  # bit n: highest - n has arrived
        self._last: tuple[float, int] | None = None
        self._reported = (0, 0)  # (expected, received) at the last report

    def restart(self) -> None:
        """Another source follows."""
        self._expected_before = self.expected
        if self._highest is not None:
            self._base = (self._highest & ~0xFFFF) + 0x20000
        self._highest = self._awaited = None
        self._last = None

    def add(self, sequence: int) -> int | None:
        """The extended sequence number, which never goes back but for packets that were overtaken.

        None for a packet that was here before, or that no other one confirms (RFC 3550 A.1).
        """
        self.began = False
        if self._highest is None:
            return self._begin(sequence)
        step = sequence_step(sequence, self._highest & 0xFFFF)
        if step > _MAX_DROPOUT or step <= -_WINDOW:
            if sequence != self._awaited:
                self._awaited = sequence + 1 & 0xFFFF
                self.stray += 1
                return None
            self.restart()
            return self._begin(sequence)
        if step > 0:
            self._highest += step
            self._seen = (self._seen << step | 1) & (1 << _WINDOW) - 1
        elif self._seen >> -step & 1:
            self.duplicated += 1
            return None
        else:
            self._seen |= 1 << -step
        self.received += 1
        return self._highest + min(step, 0)

    def time(self, timestamp: int, now: float) -> None:
        """Of a packet of audio; `now` in seconds. RFC 3550 section 6.4.1."""
        if self._last is not None:
            then, before = self._last
            deviation = abs((now - then) * CLOCK_RATE - timestamp_step(timestamp, before))
            if deviation < _MAX_DEVIATION:
                self.jitter += (deviation - self.jitter) / 16
        self._last = (now, timestamp)

    @property
    def highest(self) -> int:
        """Extended, as reports tell it."""
        return (self._highest or 0) & 0xFFFF_FFFF

    @property
    def expected(self) -> int:
        if self._highest is None:
            return self._expected_before
        return self._expected_before + self._highest - self._first + 1

    @property
    def lost(self) -> int:
        return max(0, self.expected - self.received)

    @property
    def jitter_ms(self) -> float:
        return self.jitter / CLOCK_RATE * 1000

    def fraction_lost(self) -> int:
        """Of 256, since it was last asked for: one report's."""
        expected, received = self._reported
        self._reported = (self.expected, self.received)
        due = self.expected - expected
        missing = due - (self.received - received)
        return 0 if due <= 0 else min(255, max(0, (missing << 8) // due))

    def _begin(self, sequence: int) -> int:
        self._first = self._highest = self._base + sequence
        self.began = True
        self._seen = 1
        self.received += 1
        return self._first
