"""From an address to samples: asked for, looked at, decoded once, kept."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from contextlib import AsyncExitStack
from functools import partial

import aiohttp

from agents.media_bot.playback.asset_url import AssetHosts, AssetPlace
from agents.media_bot.playback.bad_asset import BadAsset
from agents.media_bot.playback.cache import AssetCache, Kept, digest_of
from agents.media_bot.playback.decoding import Samples, decode
from agents.media_bot.playback.download import Download, download

log = logging.getLogger(__name__)

PATIENCE = 10.0  # seconds, from the order to the last byte


class Assets:
    def __init__(
        self,
        hosts: AssetHosts,
        cache: AssetCache,
        *,
        patience: float = PATIENCE,
        resolver: aiohttp.abc.AbstractResolver | None = None,
        decode: Callable[[bytes, threading.Event], Samples] = decode,
    ) -> None:
        self._hosts = hosts
        self._cache = cache
        self._patience = patience
        self._resolver = resolver
        self._decode = decode

    async def load(self, url: str) -> Samples:
        """Raises BadAsset. The host is asked each time whether what is kept is still the latest;
        if it cannot say so now, what is kept is better than silence."""
        place = self._hosts.place(url)
        async with AsyncExitStack() as stack:
            kept = self._cache.find(url)
            try:
                async with asyncio.timeout(self._patience):
                    if kept is None:
                        await stack.enter_async_context(self._cache.alone(url))
                        kept = self._cache.find(url)
                    found = await self._ask(place, kept.origin.etag if kept else "")
            except TimeoutError:
                if kept is None:
                    words = f"it did not come within {self._patience:g} s"
                    raise BadAsset(words, passing=True) from None
                found = None
            except BadAsset as bad:
                if kept is None or not bad.passing:
                    raise
                log.warning("a media asset is played as it was kept", extra={"error": str(bad)})
                found = None
            if found is None:
                assert kept is not None
                return kept.samples
            return await _in_a_thread(partial(self._made_of, found, kept, url))

    async def _ask(self, place: AssetPlace, etag: str) -> Download | None:
        return await download(place, etag, self._resolver)

    def _made_of(
        self, found: Download, kept: Kept | None, url: str, unwanted: threading.Event
    ) -> Samples:
        digest = digest_of(found.body)
        if kept is None or kept.origin.digest != digest:
            return self._cache.keep(url, found.etag, digest, self._decode(found.body, unwanted))
        if kept.origin.etag != found.etag:
            return self._cache.keep(url, found.etag, digest, kept.samples)
        return kept.samples


async def _in_a_thread(make: Callable[[threading.Event], Samples]) -> Samples:
    unwanted = threading.Event()
    work = asyncio.ensure_future(asyncio.to_thread(make, unwanted))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        # A thread cannot be cancelled. It looks here after each piece, so one that nobody waits
        # for is gone before the next begins.
        unwanted.set()
        await asyncio.wait({work})
        if not work.cancelled():
            work.exception()  # looked at, or asyncio complains
        raise
