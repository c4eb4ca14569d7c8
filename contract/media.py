"""What a call plays besides conversation: which assets, from where, and the tones' cadence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

# ITU-T E.180: what Europe and most other countries hear. Seconds of tone, seconds of silence.
TONE_HERTZ = 425
BUSY_CADENCE = (0.5, 0.5)
RINGBACK_CADENCE = (1.0, 4.0)
# Of the busy tone that a call ends with: whoever heard so many has understood.
BUSY_TONES = 4

ASSETS_PATH = "/media"


class DefaultAsset(StrEnum):
    """What the API serves under ASSETS_PATH."""

    HOLD_MUSIC = "hold-music.wav"
    RINGBACK = "ringback.wav"
    BUSY = "busy.wav"


@dataclass(frozen=True, slots=True, kw_only=True)
class CallMedia:
    """The addresses of a call's assets, as Media Bot reaches them. Empty: that is not played."""

    hold_music: str = ""
    default_hold_music: str = ""  # in place of hold music that cannot be played
    ringback: str = ""  # while Atlas is on its way
    busy: str = ""  # before a call ends that nobody came to serve


def media_of(assets_url: str, config: Mapping[str, Any]) -> CallMedia:
    """Of an assistant (the fields of contract.assistants.Assistant, as JSON). `assets_url`: the
    API's base URL as Media Bot reaches it; empty: there are no default assets."""

    def default(asset: DefaultAsset) -> str:
        return f"{assets_url.rstrip('/')}{ASSETS_PATH}/{asset}" if assets_url else ""

    wishes = config.get("media") or {}
    music = default(DefaultAsset.HOLD_MUSIC)
    return CallMedia(
        hold_music=wishes.get("hold_music_url") or music,
        default_hold_music=music,
        ringback=default(DefaultAsset.RINGBACK) if wishes.get("ringback") else "",
        busy=default(DefaultAsset.BUSY),
    )
