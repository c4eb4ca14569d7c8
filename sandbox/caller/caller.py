from __future__ import annotations

import asyncio
import time

import numpy as np
from livekit import rtc

from sandbox.caller import hearing
from sandbox.caller.hearing import FRAME_SECONDS, Hearing
from sandbox.caller.microphone import SAMPLE_RATE, Microphone, Spoken
from sandbox.providers.mouth import CALLER_VOICE, Samples, render


class Caller:
    """One human of a web call, as a program.

    `heard` is everybody together, `voices` each participant by identity. Times are
    time.monotonic() of this process.
    """

    def __init__(self, *, voice: str = CALLER_VOICE) -> None:
        self.voice = voice
        self.room = rtc.Room()
        self.heard = Hearing()
        self.voices: dict[str, Hearing] = {}
        self.joined_at = 0.0
        self.left = asyncio.Event()  # by `leave`, or because the room was closed
        self._has_left = True
        self._microphone: Microphone | None = None
        self._ears: dict[str, tuple[rtc.AudioStream, asyncio.Task[None]]] = {}
        self._closing: set[asyncio.Task[None]] = set()

    async def join(self, url: str, token: str, *, publish: bool = True) -> None:
        """Enter the room and open the microphone, unless the caller only listens."""
        self._has_left = False
        self.room.on("track_subscribed", self._listen)
        self.room.on("track_unsubscribed", self._stop_listening)
        self.room.on("disconnected", self._disconnected)
        await self.room.connect(url, token)
        self.joined_at = time.monotonic()
        if publish:
            await self.open_microphone()

    async def open_microphone(self) -> None:
        """A new one, if there was one already; its track is the room's to take back."""
        if self._microphone is not None:
            await self._microphone.aclose()
        self._microphone = Microphone()
        track = rtc.LocalAudioTrack.create_audio_track("microphone", self._microphone.source)
        self._microphone.start()
        await self.room.local_participant.publish_track(
            track, rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
        )

    async def say(self, what: str | Samples) -> Spoken:
        """Speak a sentence, or mono int16 at 48 kHz; returns when it has been sent."""
        if self._microphone is None:
            raise RuntimeError("This caller joined without a microphone.")
        if isinstance(what, str):
            what = await asyncio.to_thread(render, what, self.voice, SAMPLE_RATE)
        return await self._microphone.say(what)

    async def leave(self) -> None:
        """Hang up. A second time does nothing."""
        if self._has_left:
            return
        self._has_left = True
        if self._microphone is not None:
            await self._microphone.aclose()
            self._microphone = None
        for sid in list(self._ears):
            self._close_ear(sid)
        await asyncio.gather(*self._closing, return_exceptions=True)
        await self.room.disconnect()
        self.left.set()
        self.room.off("disconnected", self._disconnected)
        self.room.off("track_unsubscribed", self._stop_listening)
        self.room.off("track_subscribed", self._listen)

    def _disconnected(self, _reason: object) -> None:
        self.left.set()

    def _listen(
        self,
        track: rtc.Track,
        publication: rtc.RemoteTrackPublication,
        participant: rtc.RemoteParticipant,
    ) -> None:
        if track.kind != rtc.TrackKind.KIND_AUDIO:
            return
        stream = rtc.AudioStream.from_track(
            track=track,
            sample_rate=hearing.SAMPLE_RATE,
            num_channels=1,
            frame_size_ms=int(FRAME_SECONDS * 1000),
        )
        voice = self.voices.setdefault(participant.identity, Hearing())
        task = asyncio.create_task(self._hear(stream, voice), name=f"hear {participant.identity}")
        self._ears[publication.sid] = (stream, task)

    async def _hear(self, stream: rtc.AudioStream, voice: Hearing) -> None:
        async for event in stream:
            frame = np.frombuffer(event.frame.data, dtype=np.int16).copy()
            at = time.monotonic()
            voice.hear(frame, at)
            self.heard.hear(frame, at)

    def _stop_listening(
        self,
        _track: rtc.Track,
        publication: rtc.RemoteTrackPublication,
        _participant: rtc.RemoteParticipant,
    ) -> None:
        self._close_ear(publication.sid)

    def _close_ear(self, sid: str) -> None:
        """A stream left open would go on with whatever track is published next."""
        ear = self._ears.pop(sid, None)
        if ear is not None:
            closing = asyncio.create_task(_close(*ear))
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)


async def _close(stream: rtc.AudioStream, task: asyncio.Task[None]) -> None:
    await stream.aclose()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
