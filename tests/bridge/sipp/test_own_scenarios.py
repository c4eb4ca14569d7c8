"""The scenarios that SIPp itself brings, many calls at once: nobody wrote them for the bridge."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bridge.legs import Bridge, BridgeOptions, Leg, LegEnd
from tests.bridge.ports import audio_ports
from tests.bridge.sipp.process import SIPP, free_ports, is_heard

pytestmark = pytest.mark.slow  # starts processes

_HOST = "127.0.0.1"
_CALLS = 20


async def sipp(folder: Path, *arguments: str) -> asyncio.subprocess.Process:
    assert SIPP is not None, "SIPp is missing: as root, make system-packages"
    common = ["-i", _HOST, "-mi", _HOST, "-m", str(_CALLS), "-nostdin", "-timeout", "20"]
    return await asyncio.create_subprocess_exec(
        *[SIPP, *arguments, *common, "-timeout_error", "-trace_err", "-error_file", "errors"],
        cwd=folder,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )


async def passed(process: asyncio.subprocess.Process, folder: Path) -> None:
    code = await asyncio.wait_for(process.wait(), 30)
    errors = folder / "errors"
    assert code == 0, await asyncio.to_thread(lambda: errors.exists() and errors.read_text())


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_uac_calls_the_bridge(tmp_path: Path, transport: str) -> None:
    bridge = Bridge(BridgeOptions(ports=audio_ports()))
    calls: list[asyncio.Task[LegEnd]] = []

    async def take(leg: Leg) -> LegEnd:
        leg.ring()
        await leg.accept()
        return await leg.ended()

    bridge.on_incoming = lambda leg: calls.append(asyncio.create_task(take(leg)))
    await bridge.start()
    try:
        port = next(each.port for each in bridge.listening if each.transport == transport)
        ports = free_ports()
        process = await sipp(
            tmp_path,
            *[f"{_HOST}:{port}", "-sn", "uac", "-t", f"{transport[0]}1", "-r", "40", "-d", "300"],
            *["-p", str(ports), "-mp", str(ports + 2), "-cp", str(ports + 9)],
        )
        await passed(process, tmp_path)
        ends = await asyncio.gather(*calls)
        assert [(end.by, end.reason) for end in ends] == [("them", "hung-up")] * _CALLS
        assert bridge.legs == ()
    finally:
        await bridge.aclose()


async def test_the_bridge_calls_uas(tmp_path: Path) -> None:
    """Over both transports at once, as SIPp takes 4 s to end."""
    folders = {transport: tmp_path / transport for transport in ("udp", "tcp")}
    for folder in folders.values():
        folder.mkdir()
    await asyncio.gather(*(_calls_uas(transport, folder) for transport, folder in folders.items()))


async def _calls_uas(transport: str, tmp_path: Path) -> None:
    bridge = Bridge(BridgeOptions(ports=audio_ports()))
    await bridge.start()
    ports = free_ports()
    process = await sipp(
        tmp_path,
        *["-sn", "uas", "-t", f"{transport[0]}1"],
        *["-p", str(ports), "-mp", str(ports + 2), "-cp", str(ports + 9)],
    )
    try:
        assert await is_heard(transport, ports, process)

        async def call() -> LegEnd:
            leg = await bridge.dial(f"sip:service@{_HOST}:{ports};transport={transport}")
            assert await leg.answered()
            await asyncio.sleep(0.2)
            leg.hang_up()
            return await leg.ended()

        ends = await asyncio.gather(*(call() for _ in range(_CALLS)))
        assert {(end.by, end.reason) for end in ends} == {("us", "hung-up")}
        await passed(process, tmp_path)
    finally:
        if process.returncode is None:
            process.kill()
        await bridge.aclose()
