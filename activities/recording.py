"""Recording by LiveKit Egress into S3: start, stop, look, wait, and check what was stored."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from google.protobuf.message import DecodeError
from livekit import api
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.livekit_errors import is_not_found, livekit_errors
from activities.long_work import in_thread
from activities.recording_bucket import BucketUnavailable, RecordingBucket, RecordingMissing
from activities.recording_files import STORE_UNAVAILABLE, compare, recording_folder
from contract.recordings import ROOM_GONE_ERROR, EgressSeen, EgressStatus
from contract.steps import EgressById, RecordingVerified, StartEgress, Step, VerifyRecording

RECORDING_INVALID = "recording-invalid"
_POLL_SECONDS = 1.0
_STATUS = {
    api.EgressStatus.EGRESS_STARTING: EgressStatus.STARTING,
    api.EgressStatus.EGRESS_ACTIVE: EgressStatus.ACTIVE,
    api.EgressStatus.EGRESS_ENDING: EgressStatus.ENDING,
    api.EgressStatus.EGRESS_COMPLETE: EgressStatus.COMPLETE,
    api.EgressStatus.EGRESS_FAILED: EgressStatus.FAILED,
    api.EgressStatus.EGRESS_ABORTED: EgressStatus.ABORTED,
    api.EgressStatus.EGRESS_LIMIT_REACHED: EgressStatus.LIMIT_REACHED,
}
_RECORDS = (EgressStatus.STARTING, EgressStatus.ACTIVE)


class RecordingActivities:
    """One call's recording at LiveKit Egress (reached at EGRESS_API_URL) and in S3."""

    def __init__(self, livekit: api.LiveKitAPI, bucket: RecordingBucket) -> None:
        self._egress = livekit.egress
        self._bucket = bucket

    @activity.defn(name=Step.START_EGRESS)
    async def start_egress(self, order: StartEgress) -> EgressSeen:
        """Record the room's mixed audio to `recordings/<call_id>/<attempt>.ogg`. Idempotent.

        Egress would start a second recording without a word, so this looks first and adopts one
        of this call that is starting or active; also after an answer that was lost, because the
        start behind it may have worked.
        """
        if running := await self._running(order):
            return running
        try:
            with livekit_errors("start the recording"), _unreadable("start the recording"):
                return _seen(await self._egress.start_room_composite_egress(self._request(order)))
        except ApplicationError as error:
            if error.type == "livekit-not-found":
                # Not by name: a room that others made may carry a phone number.
                words = "The room to be recorded is gone."
                raise ApplicationError(words, type=ROOM_GONE_ERROR, non_retryable=True) from error
            if not error.non_retryable and (running := await self._running(order)):
                return running
            raise

    @activity.defn(name=Step.STOP_EGRESS)
    async def stop_egress(self, which: EgressById) -> EgressSeen:
        """End the recording; its upload follows. One that is over or unknown is only looked at."""
        try:
            with livekit_errors("stop the recording"), _unreadable("stop the recording"):
                request = api.StopEgressRequest(egress_id=which.egress_id)
                return _seen(await self._egress.stop_egress(request))
        except ApplicationError as error:
            if error.type not in ("livekit-not-found", "livekit-failed-precondition"):
                raise
        return await self._look(which)

    @activity.defn(name=Step.LOOK_AT_EGRESS)
    async def look_at_egress(self, which: EgressById) -> EgressSeen:
        """What Egress says of the recording now; `unknown` when it has forgotten it."""
        return await self._look(which)

    @activity.defn(name=Step.AWAIT_EGRESS_END)
    async def await_egress_end(self, which: EgressById) -> EgressSeen:
        """Look every second, with a heartbeat, until the recording has ended one way or another."""
        while True:
            seen = await self._look(which)
            if seen.status.is_final:
                return seen
            activity.heartbeat(seen.status.value)
            await asyncio.sleep(_POLL_SECONDS)

    @activity.defn(name=Step.VERIFY_RECORDING)
    async def verify_recording(self, order: VerifyRecording) -> RecordingVerified:
        """Read the stored object once: whole, as long as Egress recorded, and its SHA-256.

        A recording that is not what it should be fails as `recording-invalid`, for good; an S3
        that does not answer is tried again.
        """
        key = order.egress.object_key
        if not key.startswith(recording_folder(order.call_id)):
            raise _invalid(f"Egress stored {key or 'nothing'}, which is not this call's.")
        try:
            verified = await in_thread(self._bucket.read_through, key)
        except RecordingMissing:
            raise _invalid(f"The store has no {key}.") from None
        except ValueError as wrong:
            raise _invalid(f"The stored recording is unusable. {wrong}") from None
        except BucketUnavailable as error:
            raise ApplicationError(str(error), type=STORE_UNAVAILABLE) from error
        try:
            compare(order.egress, verified)
        except ValueError as wrong:
            raise _invalid(str(wrong)) from None
        return verified

    @activity.defn(name=Step.FIND_EGRESS)
    async def find_egress(self, order: StartEgress) -> EgressSeen:
        """This call's latest recording, whatever became of it; status `unknown` when none began.

        For a start whose answer was lost with its worker: it may have worked all the same.
        """
        with livekit_errors("list the room's recordings"), _unreadable("list the recordings"):
            answer = await self._egress.list_egress(
                api.ListEgressRequest(room_name=order.room_name)
            )
        ours = [
            info
            for info in answer.items
            if _seen(info).object_key.startswith(recording_folder(order.call_id))
        ]
        if not ours:
            return EgressSeen(egress_id="", status=EgressStatus.UNKNOWN)
        return _seen(max(ours, key=lambda info: info.started_at))

    async def _running(self, order: StartEgress) -> EgressSeen | None:
        """A recording of this call that still records; others' in the same room are not ours."""
        with livekit_errors("list the room's recordings"), _unreadable("list the recordings"):
            answer = await self._egress.list_egress(
                api.ListEgressRequest(room_name=order.room_name, active=True)
            )
        for seen in map(_seen, answer.items):
            ours = seen.object_key.startswith(recording_folder(order.call_id))
            is_given_up = seen.egress_id in order.given_up
            if ours and not is_given_up and seen.status in _RECORDS:
                return seen
        return None

    async def _look(self, which: EgressById) -> EgressSeen:
        with livekit_errors("look at the recording"), _unreadable("look at the recording"):
            try:
                answer = await self._egress.list_egress(
                    api.ListEgressRequest(egress_id=which.egress_id)
                )
            except api.ServerError as error:
                if not is_not_found(error):
                    raise
                return EgressSeen(egress_id=which.egress_id, status=EgressStatus.UNKNOWN)
        if not answer.items:
            return EgressSeen(egress_id=which.egress_id, status=EgressStatus.UNKNOWN)
        return _seen(answer.items[0])

    def _request(self, order: StartEgress) -> api.RoomCompositeEgressRequest:
        output = api.EncodedFileOutput(
            file_type=api.EncodedFileType.OGG,
            filepath=f"{recording_folder(order.call_id)}{order.attempt}.ogg",
            s3=self._bucket.for_egress(),
        )
        return api.RoomCompositeEgressRequest(
            room_name=order.room_name, audio_only=True, file_outputs=[output]
        )


def _seen(info: api.EgressInfo) -> EgressSeen:
    """The file's own times where there are some: the recording begins later than the egress."""
    file = info.file_results[0] if info.file_results else info.file
    return EgressSeen(
        egress_id=info.egress_id,
        status=_STATUS.get(info.status, EgressStatus.UNKNOWN),
        error=info.error,
        error_code=info.error_code,
        object_key=file.filename,
        started_at=_moment(file.started_at or info.started_at),
        ended_at=_moment(file.ended_at or info.ended_at),
        duration_seconds=file.duration / 1e9,
        size_bytes=file.size,
        backup_used=info.backup_storage_used,
        details=info.details,
    )


def _moment(nanoseconds: int) -> datetime | None:
    return datetime.fromtimestamp(nanoseconds / 1e9, UTC) if nanoseconds else None


def _invalid(words: str) -> ApplicationError:
    return ApplicationError(words, type=RECORDING_INVALID, non_retryable=True)


@contextmanager
def _unreadable(doing: str) -> Iterator[None]:
    try:
        yield
    except DecodeError as error:
        words = f"LiveKit's answer is unreadable: could not {doing}"
        raise ApplicationError(words, type="livekit-unreadable") from error
