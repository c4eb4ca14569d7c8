"""The caller's end of the line: a microphone, and an ear for each voice."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Coroutine
from typing import Any

import numpy as np
from livekit import rtc

from cli.smoke.sound import Sound
from contract.identity import AgentRole, parse_agent_identity

FRAME_SECONDS = 0.02
# A silent track still delivers frames: near zero, not exactly.
_LOUD = 800
_EAR_RATE = 16_000


class LineLost(Exception):
    """The room was closed under the caller."""


class Line:
    """Joins as the caller would. Times are time.monotonic() of this process."""

    def __init__(self, microphone_rate: int) -> None:
        self._room = rtc.Room()
        self._rate = microphone_rate
        self._source = rtc.AudioSource(microphone_rate, 1, queue_size_ms=200)
        self._microphone: rtc.LocalTrackPublication | None = None
        self._to_say: list[bytes] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._loud: dict[str, list[float]] = defaultdict(list)
        self._lost = asyncio.Event()
        self.joined_at = self.left_at = 0.0

    async def join(self, url: str, token: str) -> None:
        self._room.on("track_subscribed", self._listen)
        self._room.on("disconnected", self._disconnected)
        await self._room.connect(url, token)
        self.joined_at = time.monotonic()
        track = rtc.LocalAudioTrack.create_audio_track("microphone", self._source)
        options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
        self._microphone = await self._room.local_participant.publish_track(track, options)
        self._keep(self._feed())

    @property
    def is_lost(self) -> bool:
        """The room was closed under the caller."""
        return self._lost.is_set()

    async def leave(self) -> None:
        """Hang up. A second time does nothing."""
        if self.left_at:
            return
        self.left_at = time.monotonic()
        self._room.off("disconnected", self._disconnected)
        self._room.off("track_subscribed", self._listen)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._room.disconnect()
        await self._source.aclose()

    async def agent(self, role: AgentRole) -> str:
        """The identity of this agent, once it is in the room. Raises LineLost."""
        while True:
            for identity in self._room.remote_participants:
                known = parse_agent_identity(identity)
                if known is not None and known[0] is role:
                    return identity
            await self._a_moment()

    async def listener(self) -> None:
        """Returns once somebody in the room takes the microphone's audio."""
        assert self._microphone is not None
        await self._microphone.wait_for_subscription()

    async def hear(self, identity: str, seconds: float, since: float) -> float:
        """Returns when the first of so much sound came. Raises LineLost."""
        while True:
            loud = [at for at in self._loud[identity] if at > since]
            if len(loud) * FRAME_SECONDS >= seconds:
                return loud[0]
            await self._a_moment()

    async def quiet(self, identity: str, seconds: float) -> None:
        """Returns once this voice has said nothing for so long. Raises LineLost."""
        begun = time.monotonic()
        while self.silence_of(identity, begun) < seconds:
            await self._a_moment()

    def silence_of(self, identity: str, since: float) -> float:
        """For how many seconds this voice has said nothing."""
        last = self._loud[identity][-1] if self._loud[identity] else since
        return time.monotonic() - max(last, since)

    async def say(self, sound: Sound) -> float:
        """Returns when the last of it went out."""
        size = int(self._rate * FRAME_SECONDS)
        whole = np.pad(sound.samples, (0, -sound.samples.size % size))
        self._to_say += [frame.tobytes() for frame in whole.reshape(-1, size)]
        while self._to_say:
            await self._a_moment()
        return time.monotonic()

    async def _a_moment(self) -> None:
        if self._lost.is_set():
            raise LineLost("the room was closed while the caller was in it")
        await asyncio.sleep(FRAME_SECONDS)

    async def _feed(self) -> None:
        size = int(self._rate * FRAME_SECONDS)
        silence = bytes(2 * size)
        while True:  # the source's own queue sets the pace
            frame = self._to_say.pop(0) if self._to_say else silence
            await self._source.capture_frame(rtc.AudioFrame(frame, self._rate, 1, size))

    def _listen(
        self,
        track: rtc.Track,
        _publication: rtc.RemoteTrackPublication,
        participant: rtc.RemoteParticipant,
    ) -> None:
        if track.kind == rtc.TrackKind.KIND_AUDIO:
            self._keep(self._hear(track, self._loud[participant.identity]))

    async def _hear(self, track: rtc.Track, loud: list[float]) -> None:
        stream = rtc.AudioStream.from_track(
            track=track,
            sample_rate=_EAR_RATE,
            num_channels=1,
            frame_size_ms=int(FRAME_SECONDS * 1000),
        )
        try:
            async for event in stream:
                frame = np.frombuffer(event.frame.data, dtype=np.int16).astype(np.int32)
                if frame.size and np.abs(frame).max() >= _LOUD:
                    loud.append(time.monotonic())
        finally:
            await stream.aclose()

    def _keep(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)

    def _disconnected(self, _reason: object) -> None:
        self._lost.set()
