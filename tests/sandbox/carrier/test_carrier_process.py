"""`python -m sandbox.carrier` as a process: its settings, its ports, its end."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from pathlib import Path

import aiohttp
import pytest

from bridge.legs import Bridge, BridgeOptions
from sandbox.stack.ports import CARRIER_RTP
from tests.bridge.ports import audio_ports

pytestmark = pytest.mark.slow  # starts processes

ROOT = Path(__file__).parents[3]


async def start(tmp_path: Path, **changes: str) -> asyncio.subprocess.Process:
    settings = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "CARRIER_SIP_PORT": "0",
        "CARRIER_HTTP_PORT": "0",
        "CARRIER_RTP_PORTS": CARRIER_RTP,
        "CARRIER_RECORDINGS": str(tmp_path / "heard"),
    } | changes
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "sandbox.carrier", env=settings, stderr=asyncio.subprocess.PIPE
    )


async def test_it_takes_calls_and_ends_them_on_sigterm(tmp_path: Path) -> None:
    process = await start(tmp_path)
    try:
        assert process.stderr is not None
        ready = (await asyncio.wait_for(process.stderr.readline(), 20)).decode()
        told = dict(re.findall(r"(\w+)=(\S+)", re.sub(r"\x1b\[[0-9;]*m", "", ready)))
        bridge = Bridge(BridgeOptions(ports=audio_ports()))
        await bridge.start()
        try:
            leg = await bridge.dial(f"sip:+91220100@127.0.0.1:{told['sip_port']};transport=tcp")
            assert await asyncio.wait_for(leg.answered(), 5)
            async with aiohttp.ClientSession() as http:
                async with http.get(f"{told['control_url']}/calls") as answer:
                    (record,) = (await answer.json())["calls"]
                assert (record["to"], record["behaviour"]) == ("+91220100", "0100")
            process.terminate()
            end = await asyncio.wait_for(leg.ended(), 5)
            assert (end.by, end.answered) == ("them", True)
        finally:
            await bridge.aclose()
        assert await asyncio.wait_for(process.wait(), 5) == 0
    finally:
        if process.returncode is None:
            process.kill()


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        (
            {
                "CARRIER_HTTP_PORT": "",
                "CARRIER_SIP_PORT": "many",
                "CARRIER_ALLOWED": "10.0.0.0/8,home",
                "CARRIER_RTP_PORTS": "few",
            },
            ["CARRIER_HTTP_PORT is m", "CARRIER_SIP_PORT is m", "CARRIER_ALLOWED", "CARRIER_RTP"],
        ),
        ({"CARRIER_RECORDINGS": "/dev/null/heard"}, ["CARRIER_RECORDINGS /dev/null/heard"]),
        ({"CARRIER_SCENARIO": "/nowhere.yaml"}, ["CARRIER_SCENARIO /nowhere.yaml"]),
    ],
)
async def test_bad_settings_are_one_sentence(
    tmp_path: Path, changes: dict[str, str], named: list[str]
) -> None:
    process = await start(tmp_path, **changes)
    _, errors = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == 2
    for each in named:
        assert each in errors.decode()
    assert len(errors.decode().strip().splitlines()) == 1
