"""One egress, from its start to its end: the story and its states."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass
from pathlib import Path

from livekit.protocol.egress import (
    EgressInfo,
    EgressStatus,
    EncodedFileOutput,
    FileInfo,
)

from sandbox.recorder import info as state
from sandbox.recorder.faults import Operation
from sandbox.recorder.mixer import RATE, Samples, Timeline
from sandbox.recorder.naming import manifest_path
from sandbox.recorder.ogg_file import OggFile
from sandbox.recorder.room_ear import RoomEar, recorder_token
from sandbox.recorder.upload import ObjectStore, UploadFailed
from sandbox.recorder.webhooks import Webhooks
from sandbox.twirp import FaultBoard

log = logging.getLogger(__name__)

# Real Egress answers a start after half a second (it starts a process for each recording) and is
# ready for audio another 0.35 s later; callers must cope with both.
ANSWER_AFTER = 0.5
READY_AFTER = 0.85
_TICK = 0.2


@dataclass(frozen=True, slots=True)
class Place:
    """What every egress of this process shares."""

    livekit_url: str
    api_key: str
    api_secret: str
    backup_dir: Path
    uses_backup: bool
    webhooks: Webhooks
    faults: FaultBoard


class ProcessDied(Exception):
    """The recording's own process, in real Egress; here a fault asks for it."""


class Egress:
    """`info` is always what ListEgress shows; every change of it goes out as a webhook."""

    def __init__(self, place: Place, output: EncodedFileOutput) -> None:
        self._place = place
        self._output = output
        self.info = EgressInfo()
        self._timeline = Timeline()
        self._origin: float | None = None  # monotonic; None until the file begins
        self._ended_at = 0.0  # seconds after the origin
        self._pipeline_ready = False
        self._end = asyncio.Event()
        self._story: asyncio.Task[None] | None = None
        self._ear = RoomEar(heard=self._heard, gone=self._timeline.remove)

    async def start(self, info: EgressInfo) -> EgressInfo:
        self.info = info
        self._place.webhooks.publish("egress_started", info)
        self._story = asyncio.create_task(self._record(), name=f"egress {info.egress_id}")
        await asyncio.sleep(ANSWER_AFTER)
        return state.copy_of(info)

    def stop(self, reason: str) -> EgressInfo:
        """The answer to StopEgress; the end itself follows."""
        first = not self._end.is_set()
        self._finish(reason)
        answer = state.copy_of(self.info)
        too_early = answer.status == EgressStatus.EGRESS_ABORTED and not self._pipeline_ready
        if first and too_early:
            answer.error = state.STOPPED_BEFORE_START  # only here; stored is the other text
        return answer

    @property
    def is_over(self) -> bool:
        """Nothing of it runs any more; its last word is in `info`."""
        return self._story is not None and self._story.done()

    async def ended(self) -> None:
        if self._story is not None:
            await self._story

    async def kill(self) -> None:
        """Out of patience at shutdown: the audio stays in the backup folder."""
        if self._story is not None and not self._story.done():
            self._story.cancel()
            await asyncio.gather(self._story, return_exceptions=True)
            self._fail("signal: killed", 500)

    async def _record(self) -> None:
        closing = asyncio.create_task(self._watch_room())
        try:
            if await self._hear_somebody():
                await self._write_and_deliver()
        except ProcessDied:
            self._fail("signal: killed", 500)
        except Exception as wrong:
            log.exception("egress %s failed", self.info.egress_id)
            self._fail(str(wrong), 500)
        finally:
            closing.cancel()
            await self._ear.aclose()

    async def _hear_somebody(self) -> bool:
        """False when the end came first."""
        began = time.monotonic()
        room_id = await self._join()
        if room_id != self.info.room_id:
            self._finish(state.SOURCE_CLOSED)  # the room ended, and our joining made a new one
        if self._end.is_set():
            return False
        self.info.started_at = time.time_ns()
        await self._sleep_unless_ended(READY_AFTER - (time.monotonic() - began))
        self._pipeline_ready = True
        audio = asyncio.create_task(self._ear.audio.wait())
        end = asyncio.create_task(self._end.wait())
        try:
            await asyncio.wait({audio, end}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            audio.cancel()
            end.cancel()
        return not self._end.is_set()

    async def _join(self) -> str:
        place = self._place
        token = recorder_token(
            key=place.api_key,
            secret=place.api_secret,
            room_name=self.info.room_name,
            identity=self.info.egress_id,
        )
        return await self._ear.join(place.livekit_url, token)

    async def _write_and_deliver(self) -> None:
        self._origin = time.monotonic()
        filename = self.info.file.filename
        began = time.time_ns()
        state.set_file(self.info, FileInfo(filename=filename, started_at=began))
        state.mark_active(self.info)
        self._publish_update()
        samples, path = await self._write()
        length = samples * 1_000_000_000 // RATE
        state.set_file(
            self.info,
            FileInfo(filename=filename, started_at=began, ended_at=began + length, duration=length),
        )
        leaving = asyncio.create_task(self._ear.aclose())  # an upload may take long
        try:
            await self._deliver(path)
        finally:
            await leaving

    async def _write(self) -> tuple[int, Path]:
        folder, name = self._place.backup_dir, self.info.egress_id
        file = OggFile(folder / f"{name}.ogg.part")
        try:
            while not self._end.is_set():
                await self._sleep_unless_ended(_TICK)
                if self._place.faults.take(Operation.RECORD) is not None:
                    raise ProcessDied
                await asyncio.to_thread(file.write, self._timeline.drain(self._now()))
            await asyncio.to_thread(file.write, self._timeline.finish(self._ended_at))
        finally:
            await asyncio.to_thread(file.close)
        return file.samples_written, file.path.rename(folder / f"{name}.ogg")

    async def _deliver(self, path: Path) -> None:
        body = await asyncio.to_thread(path.read_bytes)
        store = await asyncio.to_thread(ObjectStore, self._output.s3, self._place.faults)
        filename = self.info.file.filename
        try:
            await store.put(filename, body, "audio/ogg")
            state.mark_stored(self.info, size=len(body), location=store.location(filename))
            if not self._output.disable_manifest:
                key = manifest_path(filename, self.info.egress_id)
                await store.put(key, state.manifest(self.info), "application/json")
                self.info.manifest_location = store.location(key)
        except UploadFailed as failed:
            if not self._place.uses_backup:
                self._fail(str(failed), 400)
                return
            await asyncio.to_thread(self._keep, path, size=len(body))
        else:
            await asyncio.to_thread(path.unlink)
        state.mark_complete(self.info)
        self._place.webhooks.publish("egress_ended", self.info)

    def _keep(self, path: Path, *, size: int) -> None:
        """What was stored of it stays there as well, with Egress as here."""
        filename, egress_id = self.info.file.filename, self.info.egress_id
        file = self._place.backup_dir / filename
        file.parent.mkdir(parents=True, exist_ok=True)
        path.rename(file)
        state.mark_kept(self.info, size=size, location=str(file))
        manifest = self._place.backup_dir / manifest_path(filename, egress_id)
        manifest.write_bytes(state.manifest(self.info))
        self.info.manifest_location = str(manifest)

    def _finish(self, reason: str) -> None:
        if self._end.is_set() or state.is_ended(self.info):
            return
        self._end.set()
        if self._origin is None:
            state.mark_aborted(self.info, reason)
            self._place.webhooks.publish("egress_ended", self.info)
        else:
            self._ended_at = self._now()
            state.mark_ending(self.info, reason)
            self._publish_update()

    def _fail(self, error: str, code: int) -> None:
        if not state.is_ended(self.info):
            state.mark_failed(self.info, error, code)
            self._place.webhooks.publish("egress_ended", self.info)

    def _publish_update(self) -> None:
        self._place.webhooks.publish("egress_updated", self.info)

    async def _watch_room(self) -> None:
        await self._ear.closed.wait()
        self._finish(state.SOURCE_CLOSED)

    def _heard(self, sid: str, samples: Samples) -> None:
        if self._origin is not None:
            self._timeline.place(sid, samples, self._now())

    def _now(self) -> float:
        return time.monotonic() - (self._origin or 0.0)

    async def _sleep_unless_ended(self, seconds: float) -> None:
        if seconds <= 0:
            return
        try:
            await asyncio.wait_for(self._end.wait(), seconds)
        except TimeoutError:
            return
