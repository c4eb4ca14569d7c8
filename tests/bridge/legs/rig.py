"""Two bridges in one process, on real sockets, and what their ends hear."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import numpy as np

from bridge.addresses import Listen
from bridge.legs import Bridge, BridgeOptions, Leg, LegEvent
from bridge.sip import Timers
from bridge.transport import TlsFiles
from tests.bridge.ports import audio_ports
from tests.bridge.transport.far_side import soon

__all__ = ["Ear", "call", "far_end", "one_bridge", "pair", "soon", "tone"]

QUICK = Timers(t1=0.05, t2=0.2, t4=0.2, lost_flow=1.0, probe=0.3)
"""RFC 3261's timers at a tenth: tests need not wait 32 s."""


def tone(hz: float, rate: int, seconds: float = 1.0) -> bytes:
    at = np.arange(round(rate * seconds)) / rate
    return (8000 * np.sin(2 * np.pi * hz * at)).astype("<i2").tobytes()


class Ear:
    """What one leg hears and is told."""

    def __init__(self, leg: Leg) -> None:
        self.leg = leg
        self.events: list[LegEvent] = []
        self.frames: list[bytes] = []
        leg.on_event = self.events.append
        leg.on_frame = self.frames.append

    def kinds(self) -> list[str]:
        return [type(event).__name__ for event in self.events]

    def of(self, kind: type) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    async def hears(self, hz: float, seconds: float = 0.3) -> None:
        """Returns once that much of the tone came in a row. Raises TimeoutError."""
        wanted = round(seconds / 0.02)
        async with asyncio.timeout(15):
            while True:
                heard = b"".join(self.frames[-wanted:])
                if len(self.frames) >= wanted and loudest(heard, self.leg.sample_rate, hz):
                    return
                await asyncio.sleep(0.02)

    def is_silent(self) -> bool:
        """What is on its way when a hold begins aside."""
        heard = np.frombuffer(b"".join(self.frames[5:]), dtype="<i2")
        return not heard.size or int(np.abs(heard).max()) < 200


def loudest(pcm: bytes, rate: int, hz: float) -> bool:
    """Whether this tone is nearly all of the sound."""
    samples = np.frombuffer(pcm, dtype="<i2").astype(float)
    power = np.abs(np.fft.rfft(samples * np.hanning(samples.size))) ** 2
    at = np.fft.rfftfreq(samples.size, 1 / rate)
    near = power[np.abs(at - hz) < 30].sum()
    return bool(power.sum() > 1e6 and near / power.sum() > 0.8)


def options(transport: str = "udp", tls: TlsFiles | None = None, **changes: Any) -> BridgeOptions:
    listen = [Listen.parse("udp://127.0.0.1:0"), Listen.parse("tcp://127.0.0.1:0")]
    if transport == "tls":
        listen.append(Listen.parse("tls://127.0.0.1:0"))
    base = BridgeOptions(
        listen=tuple(listen),
        tls=tls or TlsFiles(),
        timers=QUICK,
        # Others on this machine have their own ranges.
        ports=audio_ports(rest=0.0),
        drain=1.0,
    )
    return replace(base, **changes)


@asynccontextmanager
async def one_bridge(given: BridgeOptions | None = None) -> AsyncIterator[Bridge]:
    """Whatever happened in it, afterwards nothing of it is left: no port, task or descriptor."""
    given = given or options()
    tasks, files = len(asyncio.all_tasks()), len(os.listdir("/proc/self/fd"))
    bridge = Bridge(given)
    await bridge.start()
    try:
        yield bridge
    finally:
        await bridge.aclose()
    assert not bridge.legs
    assert given.ports.in_use == 0
    assert bridge.transports.open_connections == 0
    assert not [each for each in bridge.agent.calls if each.state == "answered"]
    await soon(lambda: len(asyncio.all_tasks()) <= tasks)
    await soon(lambda: len(os.listdir("/proc/self/fd")) <= files)


@asynccontextmanager
async def pair(
    transport: str = "udp", tls: TlsFiles | None = None, **changes: Any
) -> AsyncIterator[tuple[Bridge, Bridge]]:
    """Two bridges; `changes` are options of both."""
    async with (
        one_bridge(options(transport, tls, **changes)) as ours,
        one_bridge(options(transport, tls, **changes)) as theirs,
    ):
        yield ours, theirs


def place(bridge: Bridge, transport: str = "udp", user: str = "+919876543210") -> str:
    port = next(each.port for each in bridge.listening if each.transport == transport)
    return f"sip:{user}@127.0.0.1:{port};transport={transport}"


async def far_end(bridge: Bridge) -> Leg:
    """The next call that comes in."""
    arrived: asyncio.Future[Leg] = asyncio.get_running_loop().create_future()
    bridge.on_incoming = arrived.set_result
    async with asyncio.timeout(15):
        return await arrived


async def call(ours: Bridge, theirs: Bridge, transport: str = "udp", **how: Any) -> tuple[Ear, Ear]:
    """An answered call: our end and theirs."""
    waiting = asyncio.create_task(far_end(theirs))
    await asyncio.sleep(0)
    here = Ear(await ours.dial(place(theirs, transport), **how))
    there = Ear(await waiting)
    there.leg.ring()
    await soon(lambda: here.leg.state == "ringing")
    await there.leg.accept()
    async with asyncio.timeout(15):
        assert await here.leg.answered()
    return here, there
