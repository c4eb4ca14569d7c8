"""One request for one asset, to the address that was looked at and no other."""

from __future__ import annotations

from dataclasses import dataclass

import aiohttp

from agents.media_bot.playback.asset_url import AssetPlace
from agents.media_bot.playback.bad_asset import BadAsset
from engine.guarded_http import REFUSED, guarded_session

MAX_BYTES = 10_000_000  # on the wire
_LONGEST_ETAG = 256


@dataclass(frozen=True, slots=True)
class Download:
    body: bytes
    etag: str  # empty: the host gives none


async def download(
    place: AssetPlace, etag: str = "", resolver: aiohttp.abc.AbstractResolver | None = None
) -> Download | None:
    """None: it is still the one with that etag. Raises BadAsset; the caller sets the time limit."""
    # Compressed answers are not unpacked: no audio format gains by it, and a bomb does.
    headers = {"Accept-Encoding": "identity", "Accept": "audio/*", "User-Agent": "Switchboard"}
    if etag:
        headers["If-None-Match"] = etag
    session = guarded_session(
        place.targets,
        "a media asset's address is neither public nor of a host in MEDIA_ASSET_HOSTS",
        resolver=resolver,
        auto_decompress=False,
        headers=headers,
        timeout=aiohttp.ClientTimeout(total=None),
    )
    try:
        async with session, session.get(place.url, allow_redirects=False) as answer:
            if answer.status == 304 and etag:
                return None
            _check(answer)
            return Download(await _body(answer), answer.headers.get("ETag", "")[:_LONGEST_ETAG])
    except aiohttp.ClientConnectorCertificateError:
        raise BadAsset("its host's certificate is not valid") from None
    except aiohttp.ClientConnectorError as failed:
        if failed.os_error.errno == REFUSED:
            raise BadAsset("its address is not public") from None
        raise BadAsset("its host could not be reached", passing=True) from None
    except (aiohttp.ClientError, OSError, ValueError):
        raise BadAsset("its host did not answer properly", passing=True) from None


def _check(answer: aiohttp.ClientResponse) -> None:
    if 300 <= answer.status < 400:
        raise BadAsset("its host answered with a redirect, which is not followed")
    if answer.status != 200:
        words = f"its host answered with status {answer.status}"
        raise BadAsset(words, passing=answer.status >= 500)
    if (answer.content_length or 0) > MAX_BYTES:
        raise BadAsset("it is larger than 10 MB")


async def _body(answer: aiohttp.ClientResponse) -> bytes:
    """Whatever length was announced, or none."""
    body = bytearray()
    async for piece in answer.content.iter_any():
        body += piece
        if len(body) > MAX_BYTES:
            raise BadAsset("it is larger than 10 MB")
    return bytes(body)
