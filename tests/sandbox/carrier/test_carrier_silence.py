"""A phone that sends no audio, and one that holds: only the first is a fault."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bridge.legs import BridgeOptions, Held, Resumed
from tests.bridge.ports import audio_ports
from tests.sandbox.carrier.conftest import TRANSPORTS, Place, open_place

pytestmark = pytest.mark.slow  # silence takes its time


async def gone_silent(place: Place, number: str, transport: str) -> None:
    call = await place.over(await place.dial(number, transport))
    assert (call.end.by, call.end.reason, call.end.answered) == ("network", "media-timeout", True)
    assert call.record["ended_by"] == "bridge"
    assert call.record["reason_header"].startswith("SIP;cause=408")


async def only_held(place: Place, transport: str) -> None:
    call = await place.dial("0110", transport)
    for event in (Held("them"), Resumed("them")):
        async with asyncio.timeout(10):
            while event not in call.told:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
    await asyncio.sleep(0.5)
    assert call.leg.state == "answered"
    call.leg.hang_up()
    await place.over(call)


async def test_silence_ends_a_call_and_hold_does_not(tmp_path: Path) -> None:
    options = BridgeOptions(ports=audio_ports(), media_timeout=1.2)
    async with open_place(tmp_path, options) as place:
        await asyncio.gather(
            *(gone_silent(place, number, way) for number in ("0150", "0151") for way in TRANSPORTS),
            *(only_held(place, way) for way in TRANSPORTS),
        )
