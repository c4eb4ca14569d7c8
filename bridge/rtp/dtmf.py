"""Digits as telephone events, both ways: RFC 4733. No clock; the packets' payload is aiortp's."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

from aiortp.dtmf import DTMF_EVENTS, EVENT_TO_DIGIT, DtmfEvent

from bridge.rtp.counting import timestamp_step
from bridge.sdp.codecs import CLOCK_RATE

_MS = CLOCK_RATE // 1000
_FRAME = 20  # ms between updates
_PATIENCE = 0.2  # s without an update: the end was lost
_REPEATS = 1.0  # s for which repeated ends of a press may come
_ENDS = 3  # packets that tell the end: section 2.5.1.4
_VOLUME = 10  # -dBm0
_LONGEST = 6000  # ms of one digit that we send
_SEGMENT = 0x8000  # units; a tone may go on in another event only after more than this
_PAUSE = 500  # ms, of "w"
_QUEUE = 256  # digits


class Digit(NamedTuple):
    digit: str
    ms: int


class DtmfReceiver:
    """One press is one digit, however many of its packets come, and in whatever order."""

    def __init__(self) -> None:
        self._timestamp: int | None = None  # of the event that goes on
        self._digit = ""
        self._duration = 0  # units
        self._earlier = 0  # units, of its earlier segments (section 2.5.1.3)
        self._heard = 0.0
        self._over: deque[tuple[int, str, float]] = deque(maxlen=8)  # (timestamp, digit, when)

    @property
    def is_pressed(self) -> bool:
        return self._timestamp is not None

    def receive(self, timestamp: int, payload: bytes, now: float) -> list[Digit]:
        """What ended with this packet. Raises ValueError."""
        if len(payload) < 4:
            raise ValueError("The telephone event is shorter than four bytes.")
        event = DtmfEvent.parse(payload)
        digit = EVENT_TO_DIGIT.get(event.event)
        if digit is None or self._is_over(timestamp, digit, now):
            return []  # a flash hook or a modem's tone; or a repeated end
        ended: list[Digit] = []
        if self._timestamp is None:
            self._begin(timestamp, digit)
        elif (timestamp, digit) != (self._timestamp, self._digit):
            if -CLOCK_RATE < timestamp_step(timestamp, self._timestamp) < 0:
                return []  # of a press before this one
            if self._continues(timestamp, digit):
                self._earlier += self._duration
                self._over.append((self._timestamp, digit, now))
                self._timestamp, self._duration = timestamp, 0
            else:
                ended = self._end(now)
                self._begin(timestamp, digit)
        self._heard = now
        self._duration = max(self._duration, event.duration)
        return [*ended, *self._end(now)] if event.end else ended

    def advance(self, now: float) -> list[Digit]:
        """Ends a press whose last packets were lost."""
        if self._timestamp is None or now - self._heard < _PATIENCE:
            return []
        return self._end(now)

    def _is_over(self, timestamp: int, digit: str, now: float) -> bool:
        """Not for ever: some peers' timestamps stand still while they dial."""
        return any(
            (timestamp, digit) == (before, other) and now - when < _REPEATS
            for before, other, when in self._over
        )

    def _begin(self, timestamp: int, digit: str) -> None:
        self._timestamp, self._digit = timestamp, digit
        self._duration = self._earlier = 0

    def _continues(self, timestamp: int, digit: str) -> bool:
        if self._timestamp is None or digit != self._digit or self._duration < _SEGMENT:
            return False
        return timestamp_step(timestamp, self._timestamp) <= 0xFFFF

    def _end(self, now: float) -> list[Digit]:
        if self._timestamp is None:
            return []
        self._over.append((self._timestamp, self._digit, now))
        self._timestamp = None
        return [Digit(self._digit, (self._earlier + self._duration) // _MS)]


class DtmfPacket(NamedTuple):
    payload: bytes
    timestamp: int
    marker: bool


class DtmfSender:
    """Asked once every 20 ms; while it has something to say, no audio is sent."""

    def __init__(self) -> None:
        self._steps: deque[Iterator[DtmfEvent | None]] = deque()
        self._began: int | None = None

    @property
    def is_busy(self) -> bool:
        return bool(self._steps)

    def add(self, digits: str, *, tone_ms: int, gap_ms: int) -> None:
        """Raises ValueError, and then nothing is sent of it."""
        if unknown := [digit for digit in digits if digit.upper() not in (*DTMF_EVENTS, "W")]:
            raise ValueError(f"{unknown[0]!r} is no digit: 0-9, *, #, A-D, or w for a pause.")
        if not _FRAME <= tone_ms <= _LONGEST or not 0 <= gap_ms <= _LONGEST:
            raise ValueError(f"Tones take {_FRAME} to {_LONGEST} ms, gaps up to {_LONGEST} ms.")
        if len(self._steps) + len(digits) > _QUEUE:
            raise ValueError(f"More than {_QUEUE} digits would be waiting.")
        for digit in digits.upper():
            event = DTMF_EVENTS.get(digit)
            self._steps.append(_pause(_PAUSE) if event is None else _press(event, tone_ms, gap_ms))

    def clear(self) -> None:
        self._steps.clear()
        self._began = None

    def interrupt(self) -> None:
        """Nothing may be sent: a digit that was begun is over, those behind it wait."""
        if self._began is not None:
            self._steps.popleft()
            self._began = None

    def next(self, timestamp: int) -> DtmfPacket | None:
        """What to send in place of the audio at `timestamp`; None: a gap, or nothing at all."""
        while self._steps:
            event = next(self._steps[0], _OVER)
            if isinstance(event, _Over):
                self._steps.popleft()
                self._began = None
                continue
            if event is None:
                return None
            first = self._began is None
            if self._began is None:
                self._began = timestamp
            return DtmfPacket(event.serialize(), self._began, first)
        return None


class _Over:
    pass


_OVER = _Over()


def _press(code: int, tone_ms: int, gap_ms: int) -> Iterator[DtmfEvent | None]:
    ticks = -(-tone_ms // _FRAME)
    for tick in range(1, ticks):
        yield DtmfEvent(code, False, _VOLUME, tick * _FRAME * _MS)
    for _ in range(_ENDS):
        yield DtmfEvent(code, True, _VOLUME, tone_ms * _MS)
    # The repeated ends are part of the gap; the gap is silent audio.
    yield from _pause(gap_ms - (_ENDS - 1) * _FRAME)


def _pause(ms: int) -> Iterator[None]:
    for _ in range(-(-ms // _FRAME)):
        yield None
