from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from livekit import rtc

from agents.media_bot.playback import tones
from agents.media_bot.playback.asset_url import named_host
from agents.media_bot.playback.bad_asset import BadAsset
from agents.media_bot.playback.decoding import Samples
from agents.media_bot.playback.orders import MediaOrder, MediaOrders
from contract.facts import FactKind
from contract.rooms import MediaCommand, MediaPurpose

log = logging.getLogger(__name__)

_NAMES = {
    MediaPurpose.HOLD: "the hold music",
    MediaPurpose.RINGBACK: "the ringback",
    MediaPurpose.BUSY: "the busy tone",
    MediaPurpose.CLIP: "a clip",
    None: "an asset",
}


class AssetLoader(Protocol):
    async def load(self, url: str) -> Samples: ...


class Track(Protocol):
    async def play(
        self, samples: Samples, *, repeat: bool, on_start: Callable[[], None]
    ) -> None: ...

    def hush(self) -> None: ...


class CallRoom(Protocol):
    async def mark_done(self, command_id: str) -> None: ...

    async def close(self) -> None: ...


@dataclass(slots=True)
class _Play:
    order: MediaOrder
    task: asyncio.Task[None]
    is_heard: bool = False


class Playback:
    """Plays what the human's attributes order: one thing at a time, the newest."""

    def __init__(
        self,
        room: rtc.Room,
        identity: str,
        *,
        assets: AssetLoader,
        track: Track,
        call_room: CallRoom,
        tell: Callable[[FactKind, dict[str, Any]], None],
    ) -> None:
        self._assets = assets
        self._track = track
        self._call_room = call_room
        self._tell = tell
        self._orders = MediaOrders(room, identity, on_order=self._obey)
        self._play: _Play | None = None
        self._stopping: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        self._orders.start()

    async def aclose(self) -> None:
        await self._orders.aclose()
        self._end_play("with the call")
        await asyncio.gather(*self._stopping, return_exceptions=True)

    def _obey(self, order: MediaOrder) -> None:
        """What was played is silent when this returns: a stop wins over whatever is under way."""
        is_stop = order.command is MediaCommand.STOP
        self._end_play("when it was stopped" if is_stop else "for another one")
        if not is_stop:
            task = asyncio.create_task(self._perform(order), name="playback")
            self._play = _Play(order, task)

    def _end_play(self, how: str) -> None:
        play, self._play = self._play, None
        self._track.hush()
        if play is None or play.task.done():
            return
        play.task.cancel()
        self._stopping.add(play.task)
        play.task.add_done_callback(self._stopping.discard)
        if play.is_heard:
            self._tell_of(FactKind.PLAYBACK_ENDED, play.order, f"ended {how}")

    async def _perform(self, order: MediaOrder) -> None:
        # The predecessor must have let go of the track.
        await asyncio.gather(*self._stopping, return_exceptions=True)
        try:
            if not await self._was_played(order):
                return
            if order.ends_the_call:
                # Not marked: should this process die now, its successor must still close the room.
                await self._call_room.close()
            else:
                await self._call_room.mark_done(order.command_id)
        except Exception as error:
            # A room that went away under the track, most of all. The call goes on without it.
            log.exception("a play failed")
            detail = f"Media Bot could not play {_NAMES[order.purpose]}: {type(error).__name__}."
            self._tell_of(FactKind.PLAYBACK_FAILED, order, detail=detail)

    async def _was_played(self, order: MediaOrder) -> bool:
        samples = await self._samples(order)
        if samples is None:
            return False
        await self._track.play(
            samples, repeat=order.repeats, on_start=lambda: self._is_heard(order)
        )
        self._tell_of(FactKind.PLAYBACK_ENDED, order, "was played to its end")
        return True

    async def _samples(self, order: MediaOrder) -> Samples | None:
        try:
            return await self._assets.load(order.asset_url)
        except BadAsset as bad:
            tone = _tone_instead(order)
            host = named_host(order.asset_url)
            what = f"{_NAMES[order.purpose]} from {host}" if host else _NAMES[order.purpose]
            instead = "A plain tone is heard." if tone is not None else "Nothing is played."
            detail = f"Media Bot could not play {what}, because {bad}. {instead}"
            log.warning("an asset cannot be played", extra={"error": str(bad)})
            self._tell_of(FactKind.PLAYBACK_FAILED, order, detail=detail)
            return tone

    def _is_heard(self, order: MediaOrder) -> None:
        if self._play is not None and self._play.order is order:
            self._play.is_heard = True
        self._tell_of(FactKind.PLAYBACK_STARTED, order, "is played")

    def _tell_of(
        self, kind: FactKind, order: MediaOrder, how: str = "", *, detail: str = ""
    ) -> None:
        name = _NAMES[order.purpose]
        self._tell(
            kind,
            {
                "command_id": order.command_id,
                "purpose": order.purpose.value if order.purpose else "",
                "host": named_host(order.asset_url),
                "detail": detail or f"{name[0].upper()}{name[1:]} {how}.",
            },
        )


def _tone_instead(order: MediaOrder) -> Samples | None:
    """A caller who waits for an answer, or whose call is about to end, must not hear nothing."""
    if order.purpose is MediaPurpose.RINGBACK:
        return tones.ringback()
    if order.ends_the_call or order.purpose is MediaPurpose.BUSY:
        return tones.busy()
    return None
