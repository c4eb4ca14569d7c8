"""Hosts that answer with what is meant to hurt, over real sockets."""

from __future__ import annotations

import asyncio
import gzip
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from agents.media_bot.playback.asset_url import AssetHosts
from agents.media_bot.playback.assets import Assets
from agents.media_bot.playback.bad_asset import BadAsset
from agents.media_bot.playback.cache import AssetCache
from tests.agents.media_bot.sounds import tone, wav

pytestmark = pytest.mark.slow  # waits for the clock

OK = b"HTTP/1.1 200 OK\r\nContent-Type: audio/mpeg\r\n"
BOMB = gzip.compress(bytes(50_000_000), 1)
Write = Callable[[bytes], Awaitable[None]]
Behaviour = Callable[[Write], Awaitable[None]]


async def redirect(write: Write) -> None:
    await write(b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n")


async def redirect_inside(write: Write) -> None:
    there = b"Location: http://169.254.169.254/\r\n"
    await write(b"HTTP/1.1 307 Temporary\r\n" + there + b"Content-Length: 0\r\n\r\n")


async def not_found(write: Write) -> None:
    await write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")


async def unasked_not_modified(write: Write) -> None:
    await write(b"HTTP/1.1 304 Not Modified\r\n\r\n")


async def announces_too_much(write: Write) -> None:
    await write(OK + b"Content-Length: 10000001\r\n\r\n")
    await asyncio.sleep(30)


async def endless(write: Write) -> None:
    await write(OK + b"\r\n")
    while True:
        await write(bytes(65_536))


async def endless_chunks(write: Write) -> None:
    await write(OK + b"Transfer-Encoding: chunked\r\n\r\n")
    while True:
        await write(b"10000\r\n" + bytes(65_536) + b"\r\n")


async def drips(write: Write) -> None:
    await write(OK + b"Content-Length: 1000\r\n\r\n")
    while True:
        await write(b"x")
        await asyncio.sleep(0.05)


async def drips_headers(write: Write) -> None:
    await write(OK)
    while True:
        await write(b"X: y\r\n")
        await asyncio.sleep(0.05)


async def endless_headers(write: Write) -> None:
    await write(OK)
    while True:
        await write(b"X: " + b"y" * 4000 + b"\r\n")


async def says_nothing(write: Write) -> None:
    await asyncio.sleep(30)


async def hangs_up(write: Write) -> None:
    await write(b"")


async def breaks_off(write: Write) -> None:
    await write(OK + b"Content-Length: 1000\r\n\r\n" + bytes(500))


async def talks_nonsense(write: Write) -> None:
    await write(b"SSH-2.0-OpenSSH_9.2\r\n")


async def gzip_bomb(write: Write) -> None:
    head = OK + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n"
    await write(head % len(BOMB) + BOMB)


async def page(write: Write) -> None:
    await write(OK + b"Content-Length: 28\r\n\r\n<html>No such asset.</html>\n")


async def too_long(write: Write) -> None:
    body = wav(tone(440, 121.0, 8_000), 8_000)
    await write(OK + b"Content-Length: %d\r\n\r\n" % len(body) + body)


HOSTILE: dict[Behaviour, str] = {
    redirect: "a redirect, which is not followed",
    redirect_inside: "a redirect, which is not followed",
    not_found: "status 404",
    unasked_not_modified: "a redirect|status 304",
    announces_too_much: "larger than 10 MB",
    endless: "larger than 10 MB",
    endless_chunks: "larger than 10 MB",
    drips: "did not come within 1 s",
    drips_headers: "did not come within 1 s",
    endless_headers: "did not answer properly|did not come within 1 s",
    says_nothing: "did not come within 1 s",
    hangs_up: "did not answer properly",
    breaks_off: "did not answer properly",
    talks_nonsense: "did not answer properly",
    gzip_bomb: "not audio that can be decoded",
    page: "not audio that can be decoded",
    too_long: "longer than 120 s",
}


class Host:
    def __init__(self) -> None:
        self.behaviour: Behaviour = says_nothing
        self.requests: list[bytes] = []
        self.name = ""
        self._tasks: set[asyncio.Task[None]] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)

        async def write(data: bytes) -> None:
            writer.write(data)
            await writer.drain()

        try:
            self.requests.append(await reader.readuntil(b"\r\n\r\n"))
            await self.behaviour(write)
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    def stop(self) -> None:
        for task in self._tasks:
            task.cancel()


@pytest.fixture
async def host() -> AsyncIterator[Host]:
    host = Host()
    server = await asyncio.start_server(host.serve, "127.0.0.1", 0)
    host.name = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    yield host
    host.stop()
    server.close()
    await server.wait_closed()


def resident_kilobytes() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))


@pytest.mark.parametrize(("behaviour", "words"), HOSTILE.items(), ids=lambda each: str(each)[:20])
async def test_a_hostile_host_is_left_in_time_and_within_memory(
    tmp_path: Path, host: Host, behaviour: Behaviour, words: str
) -> None:
    host.behaviour = behaviour
    loader = Assets(
        AssetHosts(frozenset({host.name})), AssetCache(tmp_path / "cache", 20_000_000), patience=1.0
    )
    before, begun = resident_kilobytes(), time.monotonic()
    with pytest.raises(BadAsset, match=words):
        await loader.load(f"http://{host.name}/a.mp3")
    assert time.monotonic() - begun < 4
    assert resident_kilobytes() - before < 120_000
    # aiohttp asks once more when the host hangs up without a word, by a connection judged anew.
    assert len(host.requests) == (2 if behaviour is hangs_up else 1)
    assert not list((tmp_path / "cache").iterdir())
