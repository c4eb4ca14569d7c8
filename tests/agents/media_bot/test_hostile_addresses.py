"""Addresses that lead where Media Bot must not ask: refused, and nobody was connected to."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Self

import pytest

from agents.media_bot.playback.asset_url import AssetHosts, named_host
from agents.media_bot.playback.assets import Assets
from agents.media_bot.playback.bad_asset import BadAsset
from agents.media_bot.playback.cache import AssetCache
from tests.agents.media_bot.names import Names
from tests.bridge.certificates import tls_files

MALFORMED = r"its address is malformed"
NOT_HTTPS = r"its address is not an https one"
NOT_PUBLIC = r"its address is not public"
CREDENTIALS = r"its address has a user or a password in it"

# {port} is that of a server on this machine, which must not be connected to by any of them.
HOSTILE = {
    # Not https.
    "": "no address was given",
    "http://assets.example/a.mp3": NOT_HTTPS,
    "http://127.0.0.1:{port}/a.mp3": NOT_HTTPS,
    "HTTP://127.0.0.1:{port}/a.mp3": NOT_HTTPS,
    "file:///etc/passwd": NOT_HTTPS,
    "ftp://127.0.0.1:{port}/a.mp3": NOT_HTTPS,
    "gopher://127.0.0.1:{port}/_GET": NOT_HTTPS,
    "data:audio/wav;base64,UklGRg==": NOT_HTTPS,
    "javascript:alert(1)": NOT_HTTPS,
    "ws://127.0.0.1:{port}/": NOT_HTTPS,
    "unix:///var/run/docker.sock": NOT_HTTPS,
    "//127.0.0.1:{port}/a.mp3": NOT_HTTPS,
    "127.0.0.1": NOT_HTTPS,
    "a.mp3": NOT_HTTPS,
    "https:///a.mp3": NOT_HTTPS,
    # Malformed, or read differently by different parsers.
    "https://assets.example:99999/": MALFORMED,
    "https://assets.example:0/": MALFORMED,
    "https://127.0.0.1:{port}\\@assets.example/": MALFORMED,
    "https://assets.example/a b": MALFORMED,
    "https://assets.example/\r\nHost: x": MALFORMED,
    "https://assets.example\t.evil/": MALFORMED,
    " https://127.0.0.1:{port}/": MALFORMED,
    "https://assets.example/\x00": MALFORMED,
    "https://①②⑦.⓪.⓪.①:{port}/": MALFORMED,
    "https://127。0。0。1:{port}/": MALFORMED,
    "https://lосalhost:{port}/": MALFORMED,
    "https://[::1/": MALFORMED,
    "https://[fe80::1%25eth0]:{port}/": MALFORMED,
    "https://assets.example/" + "a" * 2048: MALFORMED,
    # Credentials.
    "https://user:password@assets.example/": CREDENTIALS,
    "https://assets.example@127.0.0.1:{port}/": CREDENTIALS,
    "https://127.0.0.1%2f@assets.example/": CREDENTIALS,
    # Private addresses, plainly and otherwise.
    "https://127.0.0.1:{port}/a.mp3": NOT_PUBLIC,
    "https://127.8.9.10:{port}/": NOT_PUBLIC,
    "https://127.1:{port}/": NOT_PUBLIC,
    "https://127.0.1:{port}/": NOT_PUBLIC,
    "https://2130706433:{port}/": NOT_PUBLIC,
    "https://0x7f000001:{port}/": NOT_PUBLIC,
    "https://0x7f.0.0.1:{port}/": NOT_PUBLIC,
    "https://0177.0.0.1:{port}/": NOT_PUBLIC,
    "https://017700000001:{port}/": NOT_PUBLIC,
    "https://0:{port}/": NOT_PUBLIC,
    "https://0.0.0.0:{port}/": NOT_PUBLIC,
    "https://127.0.0.1.:{port}/": NOT_PUBLIC,
    "https://localhost:{port}/": NOT_PUBLIC,
    "https://LOCALHOST.:{port}/": NOT_PUBLIC,
    "https://assets.localhost:{port}/": NOT_PUBLIC,
    "https://10.1.2.3/": NOT_PUBLIC,
    "https://172.16.0.1/": NOT_PUBLIC,
    "https://192.168.1.1/": NOT_PUBLIC,
    "https://169.254.169.254/latest/meta-data/": NOT_PUBLIC,
    "https://0xa9.0xfe.0xa9.0xfe/": NOT_PUBLIC,
    "https://2852039166/": NOT_PUBLIC,
    "https://100.64.0.1/": NOT_PUBLIC,
    "https://198.18.0.1/": NOT_PUBLIC,
    "https://192.0.2.1/": NOT_PUBLIC,
    "https://224.0.0.1/": NOT_PUBLIC,
    "https://240.0.0.1/": NOT_PUBLIC,
    "https://255.255.255.255/": NOT_PUBLIC,
    "https://[::]:{port}/": NOT_PUBLIC,
    "https://[::1]:{port}/": NOT_PUBLIC,
    "https://[::127.0.0.1]:{port}/": NOT_PUBLIC,
    "https://[::ffff:127.0.0.1]:{port}/": NOT_PUBLIC,
    "https://[::ffff:7f00:1]:{port}/": NOT_PUBLIC,
    "https://[0:0:0:0:0:ffff:a9fe:a9fe]/": NOT_PUBLIC,
    "https://[64:ff9b::7f00:1]:{port}/": NOT_PUBLIC,
    "https://[64:ff9b:1::a9fe:a9fe]/": NOT_PUBLIC,
    "https://[2002:7f00:1::]/": NOT_PUBLIC,
    "https://[2001::1]/": NOT_PUBLIC,
    "https://[fe80::1]/": NOT_PUBLIC,
    "https://[fec0::1]/": NOT_PUBLIC,
    "https://[fd00:ec2::254]/": NOT_PUBLIC,
    "https://[ff02::1]/": NOT_PUBLIC,
    "https://[2001:db8::1]/": NOT_PUBLIC,
    # Names that lead there.
    "https://loopback.example:{port}/": NOT_PUBLIC,
    "https://metadata.example:{port}/": NOT_PUBLIC,
    "https://mapped.example:{port}/": NOT_PUBLIC,
    "https://translated.example:{port}/": NOT_PUBLIC,
    "https://carrier.example:{port}/": NOT_PUBLIC,
    "https://six.example:{port}/": NOT_PUBLIC,
    "https://many.example:{port}/": NOT_PUBLIC,
    "https://loopback.example.:{port}/": NOT_PUBLIC,
    "https://nobody.example:{port}/": "its host could not be reached",
}
NAMES = {
    "loopback": ["127.0.0.1"],
    "metadata": ["169.254.169.254"],
    "mapped": ["::ffff:127.0.0.1"],
    "translated": ["64:ff9b::7f00:1"],
    "carrier": ["100.64.0.1"],
    "six": ["2002:7f00:1::"],
    "many": ["127.0.0.1", "::1", "10.0.0.1"],
}


class Doorstep:
    """A server that only counts who comes, and what name they ask for in TLS."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self._context = context
        self.visits = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._visit, "127.0.0.1", 0, ssl=self._context)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *error: object) -> None:
        self._server.close()
        await self._server.wait_closed()

    async def _visit(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.visits += 1
        writer.close()


@pytest.fixture
async def doorstep() -> AsyncIterator[Doorstep]:
    async with Doorstep() as doorstep:
        yield doorstep


def assets(tmp_path: Path, names: Names, *allowed: str) -> Assets:
    cache = AssetCache(tmp_path / "cache", 10_000_000)
    return Assets(AssetHosts(frozenset(allowed)), cache, patience=3, resolver=names)


def test_there_are_enough_of_them() -> None:
    assert len(HOSTILE) >= 50


@pytest.mark.parametrize(("url", "words"), HOSTILE.items(), ids=range(len(HOSTILE)))
async def test_a_hostile_address_is_refused_and_nobody_is_asked(
    tmp_path: Path, doorstep: Doorstep, url: str, words: str
) -> None:
    loader = assets(tmp_path, Names(**NAMES), "trusted.example")
    with pytest.raises(BadAsset, match=words):
        await loader.load(url.replace("{port}", str(doorstep.port)))
    assert doorstep.visits == 0


async def test_a_name_that_is_another_one_when_it_is_looked_up_again_gains_nothing(
    tmp_path: Path, doorstep: Doorstep
) -> None:
    """DNS rebinding: public when it is judged, ours when it is connected to. Judged is what is
    connected to, and it is looked up once. Nobody answers at the public address of the two."""
    names = Names(rebinds=["192.88.99.254", "127.0.0.1"])
    loader = assets(tmp_path, names)
    with pytest.raises(BadAsset):
        await loader.load(f"https://rebinds.example:{doorstep.port}/a.mp3")
    assert names.asked == ["rebinds.example"]
    assert doorstep.visits == 0


async def test_the_second_look_up_of_a_rebinding_name_is_judged_anew(
    tmp_path: Path, doorstep: Doorstep
) -> None:
    names = Names(rebinds=["192.88.99.254", "127.0.0.1"])
    loader = assets(tmp_path, names)
    for _ in range(2):
        with pytest.raises(BadAsset):
            await loader.load(f"https://rebinds.example:{doorstep.port}/a.mp3")
    assert doorstep.visits == 0


async def test_tls_asks_for_the_name_and_the_certificate_must_be_its_own(tmp_path: Path) -> None:
    asked_for: list[str | None] = []
    context = tls_files(tmp_path).for_listening()
    context.sni_callback = lambda _socket, name, _context: asked_for.append(name)
    async with Doorstep(context) as server:
        host = f"assets.example:{server.port}"
        loader = assets(tmp_path, Names(assets=["127.0.0.1"]), host)
        with pytest.raises(BadAsset, match="certificate is not valid"):
            await loader.load(f"https://{host}/a.mp3")
        assert asked_for == ["assets.example"]
        assert server.visits == 0


def test_hosts_are_allowed_with_their_port_or_without() -> None:
    hosts = AssetHosts(frozenset({"api:8080", "intranet.example", "[fd00::1]:80", "[::1]"}))
    for good in (
        "http://api:8080/a.mp3",
        "http://intranet.example/a.mp3",
        "https://intranet.example:8443/a.mp3",
        "http://[fd00::1]/a.mp3",
        "http://[::1]:99/a.mp3",
        "https://93.184.215.14/a.mp3",
        "https://assets.example/a.mp3?signature=x",
    ):
        hosts.place(good)
    for bad in (
        "http://api/a.mp3",
        "http://api:8081/",
        "http://intranet.example.evil/",
        "http://x/",
    ):
        with pytest.raises(BadAsset):
            hosts.place(bad)


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://assets.example/a.mp3?signature=x", "assets.example:443"),
        ("https://[::1]:8443/", "[::1]:8443"),
        ("https://user:password@assets.example/", ""),
        ("nonsense", ""),
    ],
)
def test_only_the_host_of_an_address_is_ever_told(url: str, host: str) -> None:
    assert named_host(url) == host
