"""What is kept, for whom and for how long, with a real host and a real folder."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from agents.media_bot.playback.asset_url import AssetHosts
from agents.media_bot.playback.assets import Assets
from agents.media_bot.playback.bad_asset import BadAsset
from agents.media_bot.playback.cache import AssetCache
from agents.media_bot.playback.decoding import Samples, decode
from tests.agents.media_bot.asset_host import AssetHost
from tests.agents.media_bot.sounds import tone, wav

ONE, TWO = wav(tone(440, 1.0)), wav(tone(880, 1.0))
SECOND = 96_000  # bytes, decoded


@pytest.fixture
async def host() -> AsyncIterator[AssetHost]:
    async with AssetHost() as host:
        host.files["a"] = ONE
        yield host


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def decodings() -> list[int]:
    """Of each decoding, how many bytes it was given."""
    return []


def files(folder: Path, pattern: str = "*") -> list[Path]:
    return list(folder.glob(pattern))


def loader(
    host: AssetHost,
    folder: Path,
    budget: int = 10 * SECOND,
    patience: float = 10,
    decodings: list[int] | None = None,
) -> Assets:
    def counted(data: bytes, unwanted: threading.Event) -> Samples:
        if decodings is not None:
            decodings.append(len(data))
        return decode(data, unwanted)

    cache = AssetCache(folder, budget)
    hosts = AssetHosts(frozenset({host.name}))
    return Assets(hosts, cache, patience=patience, decode=counted)


async def test_what_is_kept_is_asked_for_by_its_etag_and_decoded_once(
    host: AssetHost, folder: Path, decodings: list[int]
) -> None:
    first = await loader(host, folder, decodings=decodings).load(host.url("a"))
    another_calls = loader(host, folder, decodings=decodings)
    second = await another_calls.load(host.url("a"))
    assert np.array_equal(first, second)
    assert host.answers == {200: 1, 304: 1}
    assert len(decodings) == 1


async def test_a_new_version_replaces_the_old_which_its_listeners_keep(
    host: AssetHost, folder: Path
) -> None:
    old = await loader(host, folder).load(host.url("a"))
    copy = old.copy()
    host.files["a"] = TWO
    new = await loader(host, folder).load(host.url("a"))
    assert not np.array_equal(old, new)
    assert np.array_equal(old, copy)
    assert len(files(folder, "*.pcm")) == 1


async def test_without_etags_the_same_bytes_are_not_decoded_again(
    host: AssetHost, folder: Path, decodings: list[int]
) -> None:
    host.gives_etags = False
    for _ in range(3):
        await loader(host, folder, decodings=decodings).load(host.url("a"))
    assert host.answers == {200: 3}
    assert len(decodings) == 1


async def test_one_decoding_serves_all_who_ask_at_once(
    host: AssetHost, folder: Path, decodings: list[int]
) -> None:
    host.delay = 0.1
    same, *others = (loader(host, folder, decodings=decodings) for _ in range(4))
    await asyncio.gather(*(each.load(host.url("a")) for each in (same, same, *others)))
    assert len(decodings) == 1
    assert host.answers == {200: 1, 304: 4}
    assert not files(folder, "*.lock")


@pytest.mark.slow
async def test_other_processes_find_it_too(host: AssetHost, folder: Path) -> None:
    await loader(host, folder).load(host.url("a"))
    script = (
        "import sys, pathlib; from agents.media_bot.playback.cache import AssetCache;"
        "kept = AssetCache(pathlib.Path(sys.argv[1]), 10**7).find(sys.argv[2]);"
        "print(kept.samples.size)"
    )
    command = [sys.executable, "-c", script, str(folder), host.url("a")]
    found = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True)
    assert found.stdout.strip() == "48000", found.stderr


async def test_the_budget_is_kept_and_the_least_recently_used_goes_first(
    host: AssetHost, folder: Path
) -> None:
    budget = 3 * (SECOND + 4096)
    for number, name in enumerate("abc"):
        host.files[name] = wav(tone(440 + number, 1.0))
        await loader(host, folder, budget).load(host.url(name))
        await asyncio.sleep(0.02)  # file systems count time in steps
    await loader(host, folder, budget).load(host.url("a"))  # used again
    host.files["d"] = TWO
    await loader(host, folder, budget).load(host.url("d"))
    kept = AssetCache(folder, budget)
    assert [name for name in "abcd" if kept.find(host.url(name))] == ["a", "c", "d"]
    assert sum(file.stat().st_size for file in files(folder)) <= budget


@pytest.mark.parametrize("budget", [0, SECOND])
async def test_what_is_beyond_the_budget_is_played_all_the_same(
    host: AssetHost, folder: Path, budget: int
) -> None:
    samples = await loader(host, folder, budget).load(host.url("a"))
    assert samples.size == 48_000
    assert not files(folder, "*.pcm")


@pytest.mark.parametrize("broken", [b"", b"nonsense", b"{}" + bytes(5000), b"[1]".ljust(4096)])
async def test_a_broken_file_is_as_good_as_none(
    host: AssetHost, folder: Path, broken: bytes
) -> None:
    await loader(host, folder).load(host.url("a"))
    [file] = files(folder, "*.pcm")
    file.write_bytes(broken)
    assert (await loader(host, folder).load(host.url("a"))).size == 48_000
    assert host.answers == {200: 2}


async def test_a_folder_that_others_write_is_not_used(
    host: AssetHost, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    os.mkdir(folder)
    os.chmod(folder, 0o777)
    assert (await loader(host, folder).load(host.url("a"))).size == 48_000
    assert not files(folder)
    assert "can be written by others" in caplog.text


async def test_an_address_is_not_written_to_the_disk(host: AssetHost, folder: Path) -> None:
    await loader(host, folder).load(host.url("a?signature=secret"))
    [file] = files(folder)
    assert b"signature" not in file.read_bytes()
    assert "signature" not in file.name


@pytest.mark.parametrize("trouble", ["down", "slow"])
async def test_what_is_kept_is_better_than_silence_while_its_host_is_in_trouble(
    host: AssetHost, folder: Path, trouble: str
) -> None:
    await loader(host, folder).load(host.url("a"))
    host.status, host.delay = (503, 0.0) if trouble == "down" else (200, 1.0)
    assert (await loader(host, folder, patience=0.2).load(host.url("a"))).size == 48_000


@pytest.mark.parametrize("status", [403, 404, 410])
async def test_what_its_host_gives_no_more_is_not_played_any_more(
    host: AssetHost, folder: Path, status: int
) -> None:
    await loader(host, folder).load(host.url("a"))
    host.status = status
    with pytest.raises(BadAsset, match=f"status {status}"):
        await loader(host, folder).load(host.url("a"))


async def test_who_stops_waiting_leaves_nothing_behind(host: AssetHost, folder: Path) -> None:
    host.files["long"] = wav(tone(440, 100.0))
    for patience in (0.0, 0.02, 0.05, 0.1):
        loading = asyncio.create_task(loader(host, folder).load(host.url("long")))
        await asyncio.sleep(patience)
        loading.cancel()
        await asyncio.gather(loading, return_exceptions=True)
    assert not files(folder, "*.lock") + files(folder, "*.part")
