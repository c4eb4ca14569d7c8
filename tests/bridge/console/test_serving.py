"""`python -m bridge serve`: there for carriers until it is told to leave."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from tests.bridge.console.running import CHECKOUT, free_port, run, said
from tests.bridge.console.test_command import share
from tests.bridge.console.test_sound import tone, written
from tests.bridge.ports import audio_ports

pytestmark = pytest.mark.slow


@asynccontextmanager
async def serving(sip: int, pages: int, *options: str) -> AsyncIterator[Process]:
    mine = {
        "BRIDGE_LISTEN": f"tcp://127.0.0.1:{sip}",
        "BRIDGE_HTTP_PORT": str(pages),
        "BRIDGE_RTP_PORTS": str(audio_ports()),
        "LOG_FORMAT": "json",
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bridge", "serve", *options),
        cwd=CHECKOUT,
        env=os.environ | mine,
        stdout=PIPE,
        stderr=PIPE,
    )
    try:
        await said(process, "bridge_started")
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_callers_hear_themselves_one_after_another_until_it_is_told_to_leave(
    tmp_path: Path,
) -> None:
    sip, pages = free_port(), free_port()
    hello = written(tmp_path / "hello.wav", tone(450, 8_000, 1.0), 8_000)
    target = f"sip:+919876543210@127.0.0.1:{sip};transport=tcp"
    async with serving(sip, pages, "--echo") as process:
        for echo in (tmp_path / "first.wav", tmp_path / "second.wav"):
            called = await run(
                *("call", target, "--play", str(hello), "--record", str(echo), "--for", "1.5s")
            )
            assert called.code == 0, called.err
            assert share(echo, 450) > 0.8
        async with aiohttp.request("GET", f"http://127.0.0.1:{pages}/readyz") as answer:
            assert answer.status == 200
        process.send_signal(signal.SIGTERM)
        _, log = await asyncio.wait_for(process.communicate(), 10)
        assert process.returncode == 0, log
    assert log.count(b"leg_ended") == 2
    assert b"9876543210" not in log


async def test_without_echo_calls_are_refused() -> None:
    sip, pages = free_port(), free_port()
    async with serving(sip, pages):
        called = await run("call", f"sip:100@127.0.0.1:{sip};transport=tcp", "--json")
    assert not called.document["answered"]
    assert called.document["sip_status"] == 480


async def test_a_port_that_is_taken_is_told_in_a_sentence() -> None:
    sip, pages = free_port(), free_port()
    async with serving(sip, pages):
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bridge", "serve"),
            cwd=CHECKOUT,
            env=os.environ | {"BRIDGE_LISTEN": f"tcp://127.0.0.1:{sip}"},
            stdout=PIPE,
            stderr=PIPE,
        )
        _, told = await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode == 2
    assert "cannot be used" in told.decode()
    assert "Traceback" not in told.decode()
