"""The track that Media Bot plays on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import suppress

import numpy as np
from livekit import rtc

from agents.media_bot.playback.decoding import SAMPLE_RATE, Samples

NAME = "media"
# 100 ms at a time cost a third of what 20 ms do (performance.md 3.3). What is queued covers a
# process that gets no processor for a while; stopping does not wait for it.
_FRAME = SAMPLE_RATE // 10
_QUEUE_MS = 400
_LIVEKITS_FRAME = SAMPLE_RATE // 100
_SUBSCRIPTION_PATIENCE = 1.0


class MediaTrack:
    """Published when first needed: LiveKit SIP answers an inbound call at the first track that it
    hears. From then on it stays, silent: to publish it anew would take each play 150 ms, and hold
    isolation would have to know it anew."""

    def __init__(self, room: rtc.Room) -> None:
        self._room = room
        self._source: rtc.AudioSource | None = None
        self._publishing: asyncio.Task[rtc.LocalTrackPublication] | None = None
        self._sending: asyncio.Future[None] | None = None

    async def aclose(self) -> None:
        publishing, self._publishing = self._publishing, None
        if publishing is not None:
            publishing.cancel()
            await asyncio.gather(publishing, return_exceptions=True)
        source, self._source = self._source, None
        if source is not None:
            source.clear_queue()
            await source.aclose()

    async def play(self, samples: Samples, *, repeat: bool, on_start: Callable[[], None]) -> None:
        """Returns when the last sample has left."""
        source = await self._published()
        source.clear_queue()  # the silence after a predecessor
        on_start()
        try:
            for piece in pieces(samples, repeat=repeat):
                await self._send(source, piece)
            await source.wait_for_playout()
        except asyncio.CancelledError:
            source.clear_queue()
            await self._fall_silent(source)
            raise

    def hush(self) -> None:
        """What is queued is not heard any more."""
        if self._source is not None:
            self._source.clear_queue()

    async def _send(self, source: rtc.AudioSource, piece: Samples) -> None:
        """Waits while the queue is full: the source's clock is the only one."""
        frame = rtc.AudioFrame(piece.tobytes(), SAMPLE_RATE, 1, piece.size)
        # Shielded: a source refuses the next frame until it is done with this one, which an
        # emptied queue lets it be within 10 ms.
        self._sending = asyncio.ensure_future(source.capture_frame(frame))
        await asyncio.shield(self._sending)

    async def _fall_silent(self, source: rtc.AudioSource) -> None:
        """A source that has nothing sends nothing for 100 ms, and the listeners' concealment would
        draw the last sound out."""
        if self._sending is not None:
            await asyncio.gather(self._sending, return_exceptions=True)
        await asyncio.gather(
            self._send(source, np.zeros(2 * _LIVEKITS_FRAME, np.int16)), return_exceptions=True
        )

    async def _published(self) -> rtc.AudioSource:
        if self._source is None:
            self._source = rtc.AudioSource(SAMPLE_RATE, 1, queue_size_ms=_QUEUE_MS)
        if self._publishing is None or (
            self._publishing.done() and self._publishing.exception() is not None
        ):
            self._publishing = asyncio.create_task(self._publish(self._source), name="publish")
        # A stop in the meantime must not leave half a publication behind.
        publication = await asyncio.shield(self._publishing)
        # Before that nobody hears anything, and the first word would be lost. If nobody is there
        # yet, who comes hears the rest.
        with suppress(TimeoutError):
            await asyncio.wait_for(publication.wait_for_subscription(), _SUBSCRIPTION_PATIENCE)
        return self._source

    async def _publish(self, source: rtc.AudioSource) -> rtc.LocalTrackPublication:
        return await self._room.local_participant.publish_track(
            rtc.LocalAudioTrack.create_audio_track(NAME, source),
            rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_SCREENSHARE_AUDIO),
        )


def pieces(samples: Samples, *, repeat: bool) -> Iterator[Samples]:
    """What the track is given, 100 ms at a time; without end if it repeats."""
    if repeat:
        position = 0
        while True:
            # Over the seam without a break, also when the whole asset is shorter than a frame.
            yield samples.take(np.arange(position, position + _FRAME), mode="wrap")
            position = (position + _FRAME) % samples.size
    for start in range(0, samples.size, _FRAME):
        piece = samples[start : start + _FRAME]
        # LiveKit sends 10 ms at a time and would keep the rest back.
        yield np.pad(piece, (0, -piece.size % _LIVEKITS_FRAME))
