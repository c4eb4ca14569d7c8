"""The bridge's side of a call with a phone that is not ours."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import numpy as np

from bridge.addresses import Listen
from bridge.legs import Bridge, BridgeOptions, DtmfHeard, Leg, LegEvent
from tests.bridge.phones.baresip import Baresip, loudest_hz, network_address
from tests.bridge.ports import audio_ports

PATIENCE = 15.0


class Ours:
    """The bridge's side of a call."""

    def __init__(self, leg: Leg) -> None:
        self.leg = leg
        self.told: list[LegEvent] = []
        self._heard = b""
        leg.on_event = self.told.append
        leg.on_frame = self._hear

    def say(self, hertz: float, seconds: float) -> None:
        rate = self.leg.sample_rate
        at = np.arange(int(seconds * rate)) / rate
        self.leg.play((np.sin(2 * np.pi * hertz * at) * 9000).astype("<i2").tobytes())

    @property
    def hears_hz(self) -> float:
        """In the last half second."""
        rate = self.leg.sample_rate
        return loudest_hz(np.frombuffer(self._heard[-rate:], dtype="<i2"), rate)

    async def hears(self, hertz: float) -> None:
        """Once it is nearly this tone that was heard in the last half second."""
        async with asyncio.timeout(PATIENCE):
            while not self._heard or abs(self.hears_hz - hertz) > 10:  # noqa: ASYNC110
                await asyncio.sleep(0.05)

    @property
    def digits(self) -> str:
        return "".join(event.digit for event in self.told if isinstance(event, DtmfHeard))

    async def until(self, event: LegEvent | type[LegEvent]) -> None:
        for _ in range(int(PATIENCE / 0.02)):
            if any(
                isinstance(e, event) if isinstance(event, type) else e == event for e in self.told
            ):
                return
            await asyncio.sleep(0.02)
        raise AssertionError(f"no {event}, but {self.told}")

    def _hear(self, pcm: bytes) -> None:
        self._heard += pcm


@asynccontextmanager
async def a_bridge(**options: Any) -> AsyncIterator[Bridge]:
    address = network_address()
    listen = tuple(Listen(way, address, 0) for way in ("udp", "tcp"))
    bridge = Bridge(BridgeOptions(**({"listen": listen, "ports": audio_ports()} | options)))
    await bridge.start()
    try:
        yield bridge
    finally:
        await bridge.aclose()


def uri_of(bridge: Bridge, number: str, transport: str) -> str:
    place = next(each for each in bridge.listening if each.transport == transport)
    return f"sip:{number}@{place.host}:{place.port};transport={transport}"


async def answered(bridge: Bridge, phone: Baresip) -> Ours:
    ours = Ours(await bridge.dial(phone.uri))
    assert await asyncio.wait_for(ours.leg.answered(), PATIENCE), (ours.leg.end, phone.output())
    return ours
