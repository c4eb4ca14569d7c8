"""The recorder in the room: hidden, silent, hearing every audio track."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine
from typing import Any

import numpy as np
from livekit import api, rtc

from sandbox.recorder.mixer import RATE, Samples

log = logging.getLogger(__name__)

Heard = Callable[[str, Samples], None]
Gone = Callable[[str], None]
_FRAME_MS = 20


class RoomEar:
    """Tells `heard(track sid, mono samples)` and `gone(track sid)`.

    `audio` is set once somebody publishes audio, `closed` once the room is over for us.
    """

    def __init__(self, *, heard: Heard, gone: Gone) -> None:
        self._heard, self._gone = heard, gone
        self._room = rtc.Room()
        self._streams: dict[str, rtc.AudioStream] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.audio = asyncio.Event()
        self.closed = asyncio.Event()

    async def join(self, url: str, token: str) -> str:
        """The sid of the room that we are in."""
        self._room.on("track_published", self._on_published)
        self._room.on("track_subscribed", self._on_subscribed)
        self._room.on("track_unsubscribed", self._on_unsubscribed)
        self._room.on("disconnected", self._on_disconnected)
        await self._room.connect(url, token, rtc.RoomOptions(auto_subscribe=False))
        for participant in self._room.remote_participants.values():
            for publication in participant.track_publications.values():
                self._on_published(publication, participant)
        return await self._room.sid

    async def aclose(self) -> None:
        """Leaves the room. Harmless a second time."""
        for sid in list(self._streams):
            await self._close_stream(sid)
        with contextlib.suppress(Exception):  # it may be closed from the other side already
            await asyncio.wait_for(self._room.disconnect(), 3)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _on_published(
        self, publication: rtc.RemoteTrackPublication, _: rtc.RemoteParticipant
    ) -> None:
        if publication.kind == rtc.TrackKind.KIND_AUDIO:
            publication.set_subscribed(True)

    def _on_subscribed(
        self,
        track: rtc.Track,
        publication: rtc.RemoteTrackPublication,
        _: rtc.RemoteParticipant,
    ) -> None:
        if track.kind != rtc.TrackKind.KIND_AUDIO:
            return
        stream = rtc.AudioStream(track, sample_rate=RATE, num_channels=1, frame_size_ms=_FRAME_MS)
        self._streams[publication.sid] = stream
        self._spawn(self._listen(publication.sid, stream))
        self.audio.set()

    def _on_unsubscribed(
        self,
        track: rtc.Track,
        publication: rtc.RemoteTrackPublication,
        _: rtc.RemoteParticipant,
    ) -> None:
        # An AudioStream that is not closed goes on with whatever track re-uses its transceiver.
        self._spawn(self._close_stream(publication.sid))

    def _on_disconnected(self, reason: object) -> None:
        self.closed.set()

    async def _listen(self, sid: str, stream: rtc.AudioStream) -> None:
        async for event in stream:
            self._heard(sid, np.frombuffer(event.frame.data, dtype=np.int16))
        self._gone(sid)

    async def _close_stream(self, sid: str) -> None:
        stream = self._streams.pop(sid, None)
        if stream is not None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stream.aclose(), 2)
        self._gone(sid)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def recorder_token(*, key: str, secret: str, room_name: str, identity: str) -> str:
    """The `recorder` grant with `hidden`: nobody sees it, and it does not keep the room alive."""
    grants = api.VideoGrants(
        room_join=True,
        room=room_name,
        hidden=True,
        recorder=True,
        can_publish=False,
        can_publish_data=False,
        can_subscribe=True,
    )
    token = api.AccessToken(key, secret).with_identity(identity).with_name(identity)
    return token.with_kind("egress").with_grants(grants).to_jwt()
