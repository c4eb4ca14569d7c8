"""What a recorder is tried on: rooms with speakers of tones, its API, its webhooks, its bucket."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import secrets
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import aiohttp
import av
import boto3
import numpy as np
from aiohttp import web
from botocore.config import Config
from livekit import api, rtc
from livekit.protocol.egress import (
    EgressInfo,
    EncodedFileOutput,
    EncodedFileType,
    RoomCompositeEgressRequest,
    S3Upload,
)

from sandbox.stack import Stack

RATE = 48_000


@dataclass
class Delivery:
    body: dict[str, Any]
    raw: str
    headers: dict[str, str]


@dataclass
class Receiver:
    """A webhook receiver that checks signatures as LiveKit's own receivers do."""

    verifier: api.WebhookReceiver | None = None
    deliveries: list[Delivery] = field(default_factory=list)
    refused: int = 0
    answers: list[int] = field(default_factory=list)  # statuses for the next deliveries
    port: int = 0

    async def receive(self, request: web.Request) -> web.Response:
        raw = await request.text()
        if self.answers:
            return web.Response(status=self.answers.pop(0))
        assert self.verifier is not None
        try:
            self.verifier.receive(raw, request.headers["Authorization"])
        except Exception:
            self.refused += 1
            return web.Response(status=401)
        self.deliveries.append(Delivery(json.loads(raw), raw, dict(request.headers)))
        return web.Response()

    def of(self, egress_id: str) -> list[dict[str, Any]]:
        bodies = [delivery.body for delivery in self.deliveries]
        return [b for b in bodies if b["egressInfo"]["egressId"] == egress_id]


class Speaker:
    """A participant with one audio track that sounds a tone, or nothing, in real time."""

    def __init__(self, bench: Bench, room: str, identity: str) -> None:
        self._bench, self._room_name, self._identity = bench, room, identity
        self.room = rtc.Room()
        self.hz = 0.0
        self._source = rtc.AudioSource(RATE, 1, queue_size_ms=100)
        self._feeder: asyncio.Task[None] | None = None
        self._publication: rtc.LocalTrackPublication | None = None

    async def __aenter__(self) -> Self:
        token = (
            api.AccessToken(*self._bench.livekit_keys)
            .with_identity(self._identity)
            .with_grants(api.VideoGrants(room_join=True, room=self._room_name))
        )
        await self.room.connect(self._bench.livekit_url, token.to_jwt())
        self._feeder = asyncio.create_task(self._feed())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        if self._feeder is not None:
            self._feeder.cancel()
            await asyncio.gather(self._feeder, return_exceptions=True)
        with contextlib.suppress(Exception):
            await asyncio.wait_for(self.room.disconnect(), 3)
        await self._source.aclose()

    async def publish(self) -> None:
        track = rtc.LocalAudioTrack.create_audio_track(self._identity, self._source)
        self._publication = await self.room.local_participant.publish_track(track)

    async def unpublish(self) -> None:
        assert self._publication is not None
        await self.room.local_participant.unpublish_track(self._publication.sid)

    async def _feed(self) -> None:
        phase, began, fed = 0, time.monotonic(), 0
        while True:
            late = time.monotonic() - began - fed * 0.02
            if late > 0.1:  # do not catch up: the queue would keep the delay for ever
                fed += int(late / 0.02)
            steps = np.arange(phase, phase + 960) / RATE
            tone = 6000 * np.sin(2 * np.pi * self.hz * steps)
            phase += 960
            frame = rtc.AudioFrame(tone.astype(np.int16).tobytes(), RATE, 1, 960)
            await self._source.capture_frame(frame)
            fed += 1
            await asyncio.sleep(max(0.0, began + fed * 0.02 - time.monotonic()))


class Bench:
    def __init__(self, stack: Stack, receiver: Receiver, http: aiohttp.ClientSession) -> None:
        about = stack.description
        self.stack = stack
        self.receiver = receiver
        self.http = http
        self.livekit_url = about.livekit_url
        self.livekit_keys = (about.livekit_api_key, about.livekit_api_secret)
        self.recorder_url = about.stand_ins["recorder"].control_url.removesuffix("/control")
        self.bucket = about.s3_bucket
        self.s3_endpoint = about.s3_endpoint
        self.s3_keys = (about.s3_access_key_id, about.s3_secret_access_key)
        self.livekit = api.LiveKitAPI(self.livekit_url, *self.livekit_keys)
        self.recorder = api.LiveKitAPI(self.recorder_url, *self.livekit_keys)
        self.egress = self.recorder.egress
        self.s3 = boto3.client(
            "s3",
            endpoint_url=self.s3_endpoint,
            region_name="us-east-1",
            aws_access_key_id=self.s3_keys[0],
            aws_secret_access_key=self.s3_keys[1],
            config=Config(signature_version="s3v4", s3={"addressing_style": "path"}),
        )
        receiver.verifier = api.WebhookReceiver(api.TokenVerifier(*self.livekit_keys))

    async def room(self) -> str:
        name = f"room-{secrets.token_hex(4)}"
        await self.livekit.room.create_room(api.CreateRoomRequest(name=name, empty_timeout=60))
        return name

    def speaker(self, room: str, identity: str) -> Speaker:
        return Speaker(self, room, identity)

    def order(self, room: str, **s3: Any) -> RoomCompositeEgressRequest:
        upload: dict[str, Any] = {
            "access_key": self.s3_keys[0],
            "secret": self.s3_keys[1],
            "region": "us-east-1",
            "endpoint": self.s3_endpoint,
            "bucket": self.bucket,
            "force_path_style": True,
        }
        return RoomCompositeEgressRequest(
            room_name=room,
            audio_only=True,
            file_outputs=[
                EncodedFileOutput(
                    file_type=EncodedFileType.OGG,
                    filepath="tests/{room_name}.ogg",
                    s3=S3Upload(**(upload | s3)),
                )
            ],
        )

    async def start(self, room: str, **s3: Any) -> EgressInfo:
        return await self.egress.start_room_composite_egress(self.order(room, **s3))

    async def stop(self, egress_id: str) -> EgressInfo:
        return await self.egress.stop_egress(api.StopEgressRequest(egress_id=egress_id))

    async def look(self, egress_id: str) -> EgressInfo:
        answer = await self.egress.list_egress(api.ListEgressRequest(egress_id=egress_id))
        return answer.items[0]

    async def begun(self, room: str, within: float = 20.0) -> str:
        """The id of the room's one egress, as soon as it is listed."""
        request = api.ListEgressRequest(room_name=room)
        deadline = time.monotonic() + within
        while not (listed := (await self.egress.list_egress(request)).items):
            assert time.monotonic() < deadline
            await asyncio.sleep(0.01)
        return listed[0].egress_id

    async def participants(self, room: str) -> list[api.ParticipantInfo]:
        answer = await self.livekit.room.list_participants(api.ListParticipantsRequest(room=room))
        return list(answer.participants)

    async def until(
        self, egress_id: str, reached: Callable[[EgressInfo], bool], within: float = 30.0
    ) -> EgressInfo:
        deadline = time.monotonic() + within
        while not reached(info := await self.look(egress_id)):
            assert time.monotonic() < deadline, info
            await asyncio.sleep(0.05)
        return info

    async def events(
        self, egress_id: str, count: int, within: float = 20.0
    ) -> list[dict[str, Any]]:
        deadline = time.monotonic() + within
        while len(self.receiver.of(egress_id)) < count:
            assert time.monotonic() < deadline, self.receiver.of(egress_id)
            await asyncio.sleep(0.02)
        return self.receiver.of(egress_id)

    async def fault(self, **fault: Any) -> None:
        async with self.http.post(f"{self.recorder_url}/control/fault", json=fault) as answer:
            assert answer.status == 200, await answer.text()

    async def clear_faults(self) -> None:
        async with self.http.delete(f"{self.recorder_url}/control/fault") as answer:
            assert answer.status == 200

    async def log(self) -> list[dict[str, Any]]:
        async with self.http.get(f"{self.recorder_url}/control/log") as answer:
            entries: list[dict[str, Any]] = await answer.json()
            return entries

    async def object(self, key: str) -> bytes:
        answer = await asyncio.to_thread(self.s3.get_object, Bucket=self.bucket, Key=key)
        return answer["Body"].read()


@dataclass
class Sound:
    """A recording, decoded."""

    stereo: np.ndarray
    rate: int
    codec: str

    @classmethod
    def of(cls, data: bytes) -> Sound:
        with av.open(io.BytesIO(data)) as container:
            stream = container.streams.audio[0]
            blocks = [
                frame.to_ndarray()
                if frame.format.is_planar
                else frame.to_ndarray().reshape(-1, 2).T
                for frame in container.decode(stream)
            ]
            return cls(np.concatenate(blocks, axis=1), stream.rate, stream.codec_context.name)

    @property
    def seconds(self) -> float:
        return self.stereo.shape[1] / self.rate

    def loudness_of(self, hz: float, start: float, end: float) -> float:
        """The amplitude of one tone in a span, 1.0 = full scale."""
        span = self.stereo[0, int(start * self.rate) : int(end * self.rate)].astype(float)
        if self.stereo.dtype == np.int16:
            span = span / 32768
        steps = np.arange(len(span)) / self.rate
        return float(abs(np.mean(span * np.exp(-2j * np.pi * hz * steps))) * 2)

    def onset_of(self, hz: float, step: float = 0.02) -> float:
        """When the tone is first heard, in seconds."""
        for start in np.arange(0, self.seconds - step, step):
            if self.loudness_of(hz, start, start + step) > 0.05:
                return float(start)
        raise AssertionError(f"{hz} Hz is not in the recording")


@contextlib.asynccontextmanager
async def open_bench(*, backup: bool = False) -> AsyncIterator[Bench]:
    """With `backup` as Egress with backup storage; else what S3 refuses has failed."""
    receiver = Receiver()
    app = web.Application()
    app.router.add_post("/hook", receiver.receive)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    settings = {
        "recorder": {
            "RECORDER_WEBHOOK_URLS": f"http://127.0.0.1:{port}/hook",
            "RECORDER_BACKUP": str(backup),
        }
    }
    parts = ["livekit", "s3", "recorder"]
    try:
        async with (
            Stack(free_ports=True, only=parts, settings=settings) as stack,
            aiohttp.ClientSession() as http,
        ):
            bench = Bench(stack, receiver, http)
            yield bench
            await bench.livekit.aclose()
            await bench.recorder.aclose()
    finally:
        await runner.cleanup()
