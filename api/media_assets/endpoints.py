"""What a call plays unless its assistant says otherwise. Open: Media Bot has no key.

Each file is made when it is first asked for, and the same in every process of a release.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Annotated

from fastapi import APIRouter, Header, Response
from starlette.concurrency import run_in_threadpool

from api.media_assets.hold_music import hold_music
from api.media_assets.tones import busy, ringback
from api.media_assets.wave import Sound, wav
from contract.media import ASSETS_PATH, DefaultAsset

router = APIRouter(prefix=ASSETS_PATH, tags=["media"])

# Wideband, which is more than a telephone passes; Media Bot makes 48 kHz of it.
_RATE = 16_000
_MAKERS: dict[DefaultAsset, Callable[[int], Sound]] = {
    DefaultAsset.HOLD_MUSIC: hold_music,
    DefaultAsset.RINGBACK: ringback,
    DefaultAsset.BUSY: busy,
}
_KEPT = "public, max-age=86400"


@dataclass(frozen=True, slots=True)
class _Asset:
    body: bytes
    etag: str


@router.head("/{name}", include_in_schema=False)  # caches and uptime checks ask so
@router.get(
    "/{name}",
    summary="Default hold music and tones",
    response_class=Response,
    responses={200: {"content": {"audio/wav": {}}}, 304: {"description": "As it was."}},
)
async def get_asset(
    name: DefaultAsset, if_none_match: Annotated[str | None, Header(max_length=1000)] = None
) -> Response:
    """Needs no key. WAV, mono, 16 kHz. `If-None-Match` is answered with 304."""
    asset = await run_in_threadpool(_made, name)
    headers = {"ETag": asset.etag, "Cache-Control": _KEPT}
    if if_none_match is not None and _names(if_none_match, asset.etag):
        return Response(status_code=304, headers=headers)
    return Response(asset.body, media_type="audio/wav", headers=headers)


@cache
def _made(name: DefaultAsset) -> _Asset:
    body = wav(_MAKERS[name](_RATE), _RATE)
    return _Asset(body, f'"{hashlib.sha256(body).hexdigest()[:32]}"')


def _names(given: str, etag: str) -> bool:
    """RFC 9110 section 13.1.2: any of a list, compared weakly."""
    tags = (tag.strip().removeprefix("W/") for tag in given.split(","))
    return given.strip() == "*" or etag in tags
