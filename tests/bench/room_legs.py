"""`python -m tests.bench.room_legs`: phone legs in rooms, nothing but their sound.

Reads one JSON line of `Legs`, prints its audio ports as one JSON line when all are in their rooms,
takes a line on stdin when the measuring begins (`stall` makes the event loop stand still for 0.4 s
as well), and at the end of stdin prints a JSON line of `Carried`.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path

import psutil
import uvloop
from livekit import rtc

from bridge.room.earpiece import Earpiece
from bridge.room.microphone import Microphone
from bridge.rtp import MediaSession, PortRange
from bridge.rtp.collecting import collect_rarely
from bridge.rtp.ticker import Lateness, Ticker
from bridge.sdp import PCMU, MediaAddress, Negotiated
from engine.leaving import leave
from tests.bench.priorities import prefer_this_process

HOST = "127.0.0.1"
STALL = 0.4  # s
_PORTS = (10_000, 15_998)  # as tests do: below what stacks take


@dataclass(frozen=True, slots=True)
class Legs:
    url: str
    tokens: list[str]
    phones: int  # the port of all phones


@dataclass(slots=True)
class Carried:
    late_ms: list[float] = field(default_factory=list)  # ticks
    missed: int = 0  # ticks
    cpu_seconds: float = 0.0
    seconds: float = 0.0
    threads: dict[str, float] = field(default_factory=dict)  # CPU seconds by name
    memory_mb: float = 0.0
    received: int = 0
    lost: int = 0
    late: int = 0
    dropped_in: int = 0  # frames
    dropped_out: int = 0
    empty_out: int = 0  # frames for which the room had nothing


class _Recorded(Lateness):
    def __init__(self) -> None:
        super().__init__()
        self.values: list[float] = []

    def add(self, ms: float) -> None:
        super().add(ms)
        self.values.append(ms)


class _Leg:
    def __init__(self) -> None:
        self.room = rtc.Room()
        self.microphone = Microphone(self.room)
        self.earpiece = Earpiece(PCMU.sample_rate)
        self.session: MediaSession
        self.empty = 0

    async def open(self, url: str, token: str, ports: PortRange, phones: int) -> None:
        self.room.on("track_subscribed", self._subscribed)
        await self.room.connect(url, token)
        await self.microphone.publish(PCMU.sample_rate)
        self.session = await MediaSession.open(ports, HOST)
        self.session.on_frame = self.microphone.feed
        self.session.source = self._next
        remote = MediaAddress(HOST, phones)
        self.session.apply(
            Negotiated(
                remote=remote,
                remote_rtcp=None,
                codec=PCMU,
                payload_type=0,
                decodes=((0, PCMU),),
                dtmf=None,
            )
        )

    def _next(self) -> bytes | None:
        pcm = self.earpiece.next_frame()
        self.empty += pcm is None
        return pcm

    def _subscribed(self, track: rtc.Track, *_: object) -> None:
        if isinstance(track, rtc.RemoteAudioTrack):
            self.earpiece.listen_to(track, track.sid)


async def _carry() -> None:
    loop = asyncio.get_running_loop()
    told = Legs(**json.loads(sys.stdin.readline()))
    ports = PortRange(*_PORTS, rest=0.0)
    legs = [_Leg() for _ in told.tokens]
    for leg, token in zip(legs, told.tokens, strict=True):
        await leg.open(told.url, token, ports, told.phones)
    collect_rarely()
    print(json.dumps([leg.session.local_port for leg in legs]), flush=True)
    order = await loop.run_in_executor(None, sys.stdin.readline)
    before = _counted(legs)
    ticker = Ticker.of_loop()
    ticker.lateness = recorded = _Recorded()
    threads, cpu, began = _threads(), time.process_time(), time.monotonic()
    if order.strip() == "stall":
        time.sleep(STALL)  # noqa: ASYNC251 - the very thing that is measured
    await loop.run_in_executor(None, sys.stdin.read)
    carried = _counted(legs)
    carried.seconds = time.monotonic() - began
    carried.cpu_seconds = time.process_time() - cpu
    carried.threads = dict(_threads() - threads)
    carried.late_ms = recorded.values
    carried.missed = recorded.missed
    carried.memory_mb = psutil.Process().memory_info().rss / 1e6
    for name in ("received", "lost", "late", "dropped_in", "dropped_out", "empty_out"):
        setattr(carried, name, getattr(carried, name) - getattr(before, name))
    print(json.dumps(asdict(carried)), flush=True)
    leave(0)


def _counted(legs: list[_Leg]) -> Carried:
    carried = Carried()
    for leg in legs:
        quality = leg.session.quality()
        carried.received += quality.received
        carried.lost += quality.lost
        carried.late += quality.late
        carried.dropped_in += leg.microphone.dropped
        carried.dropped_out += leg.earpiece.dropped
        carried.empty_out += leg.empty
    return carried


def _threads() -> Counter[str]:
    """CPU seconds of this process by its threads' names; Linux tells a hundredth of a second."""
    counted: Counter[str] = Counter()
    for task in Path("/proc/self/task").iterdir():
        name = (task / "comm").read_text().strip()
        # On-CPU nanoseconds: `stat` counts in ticks, which many short runs slip through.
        counted[name] += int((task / "schedstat").read_text().split()[0]) / 1e9  # type: ignore[assignment]
    return counted


if __name__ == "__main__":
    prefer_this_process()
    uvloop.run(_carry())
