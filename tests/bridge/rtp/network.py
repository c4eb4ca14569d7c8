"""A stream on its way to a jitter buffer, on virtual time."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from bridge.rtp.jitter_buffer import FRAME, JitterBuffer, Piece

TICK = 0.02


@dataclass(slots=True)
class Arrival:
    at: float
    sequence: int
    timestamp: int
    payload: bytes


def stream(
    seconds: float,
    *,
    ptime: int = 20,
    start: float = 0.0,
    first: int = 0x10000,
    timestamp: int = 0,
    delay: Callable[[float], float] = lambda _sent: 0.01,
    drift: float = 0.0,
) -> Iterator[Arrival]:
    """Packets whose payload tells their place: byte n of the stream is n // 160 % 251."""
    units = ptime * 8
    for number in range(int(seconds * 1000 / ptime)):
        sent = start + number * ptime / 1000 * (1 + drift)
        place = number * units
        payload = bytes((place + unit) // FRAME % 251 for unit in range(units))
        at = sent + delay(sent)
        yield Arrival(at, first + number, timestamp + place & 0xFFFFFFFF, payload)


def uneven(seconds: float, seed: int = 1) -> Callable[[float], float]:
    """Up to so much later than the fastest."""
    chance = random.Random(seed)
    return lambda _sent: 0.01 + chance.random() * seconds


@dataclass(slots=True)
class Played:
    """What came out: at which tick which frame, None where something was missing."""

    frames: list[tuple[float, int | None]] = field(default_factory=list)
    delays: list[tuple[float, float]] = field(default_factory=list)

    def missing(self, since: float = 0.0, until: float = 1e9) -> int:
        numbers = [number for at, number in self.frames if since <= at < until]
        return numbers.count(None)

    def delay(self, since: float = 0.0, until: float = 1e9) -> float:
        """The largest, in ms."""
        return max(delay for at, delay in self.delays if since <= at < until)


def play(
    buffer: JitterBuffer,
    arrivals: list[Arrival],
    seconds: float,
    phase: float = 0.003,
    *,
    follows: bool = True,
) -> Played:
    """Ticks every 20 ms until `seconds`, which keep step with the packets as a session's do, if it
    `follows`; each packet is put at its time."""
    waiting = sorted(arrivals, key=lambda arrival: arrival.at)
    played = Played()
    index, now = 0, phase
    while now < seconds:
        while index < len(waiting) and waiting[index].at <= now:
            came = waiting[index]
            buffer.put(came.sequence, came.timestamp, 0, came.payload, came.at)
            index += 1
        pieces = buffer.pull(now)
        assert sum(map(_units, pieces)) == FRAME
        played.frames.append((now, _number(pieces)))
        played.delays.append((now, buffer.delay_ms))
        now += TICK
        if follows and abs(buffer.phase) > 0.0015:
            now -= math.copysign(0.001, buffer.phase)
    return played


def _units(piece: Piece) -> int:
    return piece if isinstance(piece, int) else len(piece[1])


def _number(pieces: list[Piece]) -> int | None:
    if any(isinstance(piece, int) for piece in pieces):
        return None
    return pieces[0][1][0] if isinstance(pieces[0], tuple) else None
