"""`python -m sandbox.providers` as a process: settings, readiness, phrases, a graceful end."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import time
from pathlib import Path

import aiohttp
import pytest

from tests.sandbox.providers.conversations import HOURS, spoken

pytestmark = pytest.mark.slow  # starts processes

ROOT = Path(__file__).parents[3]


async def start(**settings: str) -> asyncio.subprocess.Process:
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **settings}
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "sandbox.providers",
        cwd=ROOT,
        env=environment,
        stderr=asyncio.subprocess.PIPE,
    )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def test_it_is_ready_soon_and_ends_gracefully() -> None:
    port = free_port()
    process = await start(PROVIDERS_PORT=str(port), LOG_FORMAT="json")
    try:
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as http:
            await answered(http)
            key = {"Authorization": "Token k"}
            url = "/deepgram/v1/listen?encoding=linear16&sample_rate=16000"
            async with http.ws_connect(url, headers=key) as ws:
                await ws.send_bytes(spoken(HOURS).tobytes())
                assert (await ws.receive_json(timeout=15))["is_final"]
                process.send_signal(signal.SIGTERM)  # with a socket open
                assert await asyncio.wait_for(process.wait(), 10) == 0
    finally:
        if process.returncode is None:
            process.kill()


async def answered(http: aiohttp.ClientSession) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            assert (await http.get("/healthz")).status == 200
            return
        except aiohttp.ClientConnectionError:
            await asyncio.sleep(0.05)
    raise AssertionError("not ready in 20 s")


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({}, "PROVIDERS_PORT"),
        ({"PROVIDERS_PORT": "telephone"}, "PROVIDERS_PORT"),
        ({"PROVIDERS_PORT": "1", "HEARING": "loud"}, "HEARING"),
        ({"PROVIDERS_PORT": "1", "SCENARIO_FILE": "/nowhere.yaml"}, "SCENARIO_FILE /nowhere.yaml"),
    ],
)
async def test_a_bad_setting_is_one_sentence(settings: dict[str, str], named: str) -> None:
    process = await start(**settings)
    _out, errors = await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode == 2
    assert named in errors.decode()
    assert len(errors.decode().strip().splitlines()) == 1
