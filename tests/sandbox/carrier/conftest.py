"""A carrier with its control pages, and a bridge that calls it, in this process."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from bridge.legs import Bridge, BridgeOptions, Leg, LegEnd, LegEvent
from sandbox.carrier.carrier import Carrier
from sandbox.carrier.scenario import NUMBERS, load
from sandbox.carrier.server import CarrierApi
from sandbox.carrier.settings import CarrierSettings
from sandbox.stack.ports import CARRIER_RTP
from tests.bridge.ports import audio_ports

TRANSPORTS = ("tcp", "udp")


@dataclass
class Call:
    """A call as the bridge saw it, and the carrier's record of it."""

    leg: Leg
    told: list[LegEvent] = field(default_factory=list)
    record: dict[str, Any] = field(default_factory=dict)

    @property
    def end(self) -> LegEnd:
        assert self.leg.end is not None
        return self.leg.end

    def has(self, kind: type[LegEvent]) -> list[LegEvent]:
        return [event for event in self.told if isinstance(event, kind)]


@dataclass
class Place:
    carrier: Carrier
    bridge: Bridge
    http: TestClient[web.Request, web.Application]

    def uri(self, number: str, transport: str) -> str:
        ports = {place.transport: place.port for place in self.carrier.bridge.listening}
        return f"sip:+9198765{number}@127.0.0.1:{ports[transport]};transport={transport}"

    async def dial(self, number: str, transport: str = "tcp", **options: Any) -> Call:
        call = Call(await self.bridge.dial(self.uri(number, transport), **options))
        call.leg.on_event = call.told.append
        return call

    async def over(self, call: Call, patience: float = 20.0) -> Call:
        """Once it is over for both sides."""
        await asyncio.wait_for(call.leg.ended(), patience)
        call.record = await self.record_of(call.leg.call.call_id, patience)
        return call

    async def record_of(self, call_id: str, patience: float = 10.0) -> Any:
        """The carrier's, once its phone has put down."""
        deadline = time.monotonic() + patience
        while not (record := await self.get(f"/control/calls/{call_id}"))["ended_at"]:
            assert time.monotonic() < deadline, record
            await asyncio.sleep(0.02)
        return record

    async def get(self, path: str) -> Any:
        async with self.http.get(path) as answer:
            assert answer.status == 200, await answer.text()
            return await answer.json()

    async def post(self, path: str, status: int = 200, **body: Any) -> Any:
        async with self.http.post(path, json=body) as answer:
            assert answer.status == status, await answer.text()
            return await answer.json()


@asynccontextmanager
async def open_place(
    folder: Path, options: BridgeOptions | None = None, **changes: Any
) -> AsyncIterator[Place]:
    settings = CarrierSettings(
        **{
            "carrier_sip_port": 0,
            "carrier_http_port": 0,
            "carrier_rtp_ports": CARRIER_RTP,
            "carrier_recordings": folder,
        }
        | changes
    )
    carrier = Carrier(settings, load(NUMBERS))
    bridge = Bridge(options or BridgeOptions(ports=audio_ports()))
    await carrier.start()
    await bridge.start()
    try:
        async with TestClient(TestServer(CarrierApi(carrier).application())) as http:
            yield Place(carrier, bridge, http)
    finally:
        await bridge.aclose()
        await carrier.aclose()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def place(tmp_path_factory: Any) -> AsyncIterator[Place]:
    async with open_place(tmp_path_factory.mktemp("carrier")) as opened:
        yield opened
