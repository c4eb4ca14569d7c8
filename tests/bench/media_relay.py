"""`python -m tests.bench.media_relay CALLS PORT`: calls that say back what they hear.

The phones are all at 127.0.0.1:PORT. Prints its own ports as one JSON line, takes a line on stdin
when the measuring begins, and at the end of stdin prints a JSON line of `Relayed`.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import deque
from dataclasses import asdict, dataclass, field

import psutil
import uvloop

from bridge.rtp import MediaSession, PortRange
from bridge.rtp.collecting import collect_rarely
from bridge.rtp.ticker import Lateness, Ticker
from bridge.sdp import PCMU, MediaAddress, Negotiated
from engine.leaving import leave

HOST = "127.0.0.1"
LOUD = b"\x00" * 160  # PCMU's loudest; the generator's marks
_LOUD_PCM = 0x40  # the high byte of a sample above half of the scale
_KEPT = 20_000  # samples that are passed on, of those that were taken


@dataclass(slots=True)
class Relayed:
    late_ms: list[float] = field(default_factory=list)  # ticks
    missed: int = 0  # ticks
    waited_ms: list[float] = field(default_factory=list)  # marks: from the socket to on_frame
    left_ms: list[float] = field(default_factory=list)  # marks: from the source to the socket
    cpu_seconds: float = 0.0
    seconds: float = 0.0
    memory_mb: float = 0.0
    received: int = 0
    lost: int = 0
    late: int = 0


class _Recorded(Lateness):
    def __init__(self) -> None:
        super().__init__()
        self.values: list[float] = []

    def add(self, ms: float) -> None:
        super().add(ms)
        self.values.append(ms)


class _Call:
    """Says back what it hears, as a room would: frames go through a queue."""

    def __init__(self, session: MediaSession, relayed: Relayed, watched: bool) -> None:
        self._frames: deque[bytes] = deque(maxlen=5)
        self._relayed = relayed
        self._came = self._asked = 0.0
        session.on_frame = self._watch if watched else self._frames.append
        session.source = self._next if watched else self._pop
        if watched:
            session.tap = self._tap

    def _pop(self) -> bytes | None:
        return self._frames.popleft() if self._frames else None

    def _watch(self, pcm: bytes) -> None:
        if self._came and abs(int.from_bytes(pcm[160:162], "little", signed=True)) >> 8 > _LOUD_PCM:
            self._relayed.waited_ms.append((time.monotonic() - self._came) * 1000)
            self._came = 0.0
        self._frames.append(pcm)

    def _next(self) -> bytes | None:
        self._asked = time.monotonic()
        return self._pop()

    def _tap(self, sent: bool, data: bytes, local: MediaAddress, remote: MediaAddress) -> None:
        if sent:
            self._relayed.left_ms.append((time.monotonic() - self._asked) * 1000)
        elif data[12:] == LOUD:
            self._came = time.monotonic()


async def _relay(calls: int, port: int, watched: bool) -> None:
    collect_rarely()
    relayed = Relayed()
    ports = PortRange(20_000, 38_998, rest=0.0)
    remote = MediaAddress(HOST, port)
    agreed = Negotiated(
        remote=remote,
        remote_rtcp=None,
        codec=PCMU,
        payload_type=0,
        decodes=((0, PCMU),),
        dtmf=None,
    )
    sessions = [await MediaSession.open(ports, HOST) for _ in range(calls)]
    for session in sessions:
        _Call(session, relayed, watched)
        session.apply(agreed)
    print(json.dumps([session.local_port for session in sessions]), flush=True)
    loop = asyncio.get_running_loop()
    await loop.run_in_executor(None, sys.stdin.readline)
    ticker = Ticker.of_loop()
    ticker.lateness = recorded = _Recorded()
    relayed.waited_ms.clear()
    relayed.left_ms.clear()
    cpu, began = time.process_time(), time.monotonic()
    await loop.run_in_executor(None, sys.stdin.read)
    relayed.seconds = time.monotonic() - began
    relayed.cpu_seconds = time.process_time() - cpu
    relayed.late_ms = _some(recorded.values)
    relayed.left_ms = _some(relayed.left_ms)
    relayed.missed = recorded.missed
    relayed.memory_mb = psutil.Process().memory_info().rss / 1e6
    for session in sessions:
        quality = session.quality()
        relayed.received += quality.received
        relayed.lost += quality.lost
        relayed.late += quality.late
    print(json.dumps(asdict(relayed)), flush=True)
    leave(0)


def _some(values: list[float]) -> list[float]:
    return values[:: max(1, len(values) // _KEPT)]


if __name__ == "__main__":
    uvloop.run(_relay(int(sys.argv[1]), int(sys.argv[2]), len(sys.argv) > 3))
