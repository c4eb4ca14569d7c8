"""A room on a real livekit-server with the phone's two ends and people who speak and listen."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from livekit import api, rtc

from bridge.room.earpiece import Earpiece
from bridge.room.microphone import Microphone
from bridge.rtp.ticker import Ticker
from sandbox.stack import Stack
from tests.bridge.rtp.sound import share_at

RATE = 16_000  # of what people say and hear
_FRAME = RATE // 50
_PATIENCE = 10.0


@dataclass(frozen=True, slots=True)
class Server:
    url: str
    key: str
    secret: str

    def token(self, room: str, identity: str) -> str:
        grants = api.VideoGrants(room_join=True, room=room)
        return (
            api.AccessToken(self.key, self.secret)
            .with_identity(identity)
            .with_grants(grants)
            .to_jwt()
        )


@asynccontextmanager
async def livekit_server() -> AsyncIterator[Server]:
    async with Stack(free_ports=True, only=["livekit"]) as stack:
        here = stack.description
        yield Server(here.livekit_url, here.livekit_api_key, here.livekit_api_secret)


class Phone:
    """The phone's side: what it says goes into the room, what the room says is `heard`, on the
    ticker that calls have."""

    def __init__(self, server: Server, name: str, sample_rate: int = 8000) -> None:
        self.room = rtc.Room()
        self.microphone = Microphone(self.room)
        self.earpiece = Earpiece(sample_rate)
        self.heard = bytearray()
        self.saying = bytearray()
        self.frames: list[bytes | None] = []
        self.subscribed: dict[str, rtc.RemoteAudioTrack] = {}
        self._server, self._name = server, name
        self._rate = sample_rate

    async def join(self) -> None:
        self.room.on("track_subscribed", self._subscribed)
        await self.room.connect(self._server.url, self._server.token(self._name, "phone"))
        await self.microphone.publish(self._rate)
        self.go_on()

    def hang(self) -> None:
        """Its pacer stops."""
        Ticker.of_loop().remove(self._tick)

    def go_on(self) -> None:
        Ticker.of_loop().add(self._tick)

    async def leave(self) -> None:
        self.hang()
        await self.earpiece.aclose()
        await self.microphone.aclose()
        await self.room.disconnect()

    def set_rate(self, sample_rate: int) -> None:
        self._rate = sample_rate
        self.microphone.set_rate(sample_rate)
        self.earpiece.set_rate(sample_rate)

    async def listens(self, voices: int) -> list[str]:
        """The sids it listens to, once there are so many."""
        await eventually(lambda: len(self.subscribed) >= voices, f"{voices} voices")
        return list(self.subscribed)

    def _subscribed(self, track: rtc.Track, *_: object) -> None:
        if isinstance(track, rtc.RemoteAudioTrack):
            self.subscribed[track.sid] = track
            self.earpiece.listen_to(track, track.sid)

    def _tick(self, due: float, missed: int) -> None:
        size = self._rate // 50 * 2
        for late in range(missed, -1, -1):
            frame = self.earpiece.next_frame()
            pcm = bytes(self.saying[:size]).ljust(size, b"\0")
            del self.saying[:size]
            if late <= 2:  # as MediaSession does
                self.heard += frame or bytes(size)
                self.frames.append(frame)
                self.microphone.feed(pcm)


class Person:
    """Somebody else in the room."""

    def __init__(self, server: Server, name: str, identity: str) -> None:
        self.room = rtc.Room()
        self.heard = bytearray()
        self.subscriptions = 0
        self._server, self._name, self._identity = server, name, identity
        self._source = rtc.AudioSource(RATE, 1, 1000)
        self._ears: dict[str, tuple[rtc.AudioStream, asyncio.Task[None]]] = {}
        self._publication: rtc.LocalTrackPublication | None = None

    async def join(self) -> None:
        self.room.on("track_subscribed", self._listen)
        token = self._server.token(self._name, self._identity)
        await self.room.connect(self._server.url, token)
        await self.publish()

    async def publish(self) -> str:
        track = rtc.LocalAudioTrack.create_audio_track("voice", self._source)
        options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
        self._publication = await self.room.local_participant.publish_track(track, options)
        return self._publication.sid

    async def unpublish(self) -> None:
        assert self._publication is not None
        await self.room.local_participant.unpublish_track(self._publication.sid)

    async def say(self, pcm: bytes) -> None:
        """Returns when it is said."""
        for at in range(0, len(pcm), _FRAME * 2):
            part = pcm[at : at + _FRAME * 2].ljust(_FRAME * 2, b"\0")
            await self._source.capture_frame(rtc.AudioFrame(part, RATE, 1, _FRAME))
        await self._source.wait_for_playout()

    async def leave(self) -> None:
        for stream, reading in self._ears.values():
            await stream.aclose()
            await reading
        await self.room.disconnect()
        await self._source.aclose()

    def _listen(self, track: rtc.Track, _: object, who: rtc.RemoteParticipant) -> None:
        if isinstance(track, rtc.RemoteAudioTrack) and who.identity == "phone":
            self.subscriptions += 1
            stream = rtc.AudioStream(track, sample_rate=RATE, num_channels=1, frame_size_ms=20)
            self._ears[track.sid] = (stream, asyncio.create_task(self._hear(stream)))

    async def _hear(self, stream: rtc.AudioStream) -> None:
        async for event in stream:
            self.heard += bytes(event.frame.data.cast("B"))


def clearest(pcm: bytes | bytearray, hertz: float, rate: int) -> float:
    """The share at this frequency in that half second which has most of it: a busy machine has
    gaps to fill, and who speaks has begun some time."""
    half = rate // 2 * 2
    pieces = [bytes(pcm[at : at + half]) for at in range(0, len(pcm) - half + 1, half // 2)]
    return max((share_at(piece, hertz, rate) for piece in pieces if any(piece)), default=0.0)


async def eventually(look: Callable[[], bool], otherwise: str) -> None:
    until = time.monotonic() + _PATIENCE
    while not look():
        if time.monotonic() > until:
            raise AssertionError(f"Not within {_PATIENCE:g} s: {otherwise}.")
        await asyncio.sleep(0.02)
