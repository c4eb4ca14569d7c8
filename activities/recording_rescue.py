"""Looks for the files of a recording that did not come out well, wherever they may be."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.egress_backup import BackupUnavailable, EgressBackup
from activities.long_work import in_thread
from activities.recording_bucket import (
    BucketUnavailable,
    RecordingBucket,
    RecordingMissing,
    measured_file,
)
from activities.recording_files import STORE_UNAVAILABLE, compare, recording_folder
from contract.recordings import EgressSeen
from contract.steps import RecordingRescued, RecordingVerified, RescueRecording, Step

BACKUP_UNAVAILABLE = "backup-unavailable"


@dataclass
class _Findings:
    files: list[RecordingVerified] = field(default_factory=list)
    unusable: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


class RecordingRescue:
    """At their final paths, then in Egress' backup storage."""

    def __init__(self, bucket: RecordingBucket, backup: EgressBackup) -> None:
        self._bucket = bucket
        self._backup = backup

    @activity.defn(name=Step.RESCUE_RECORDING)
    async def rescue_recording(self, order: RescueRecording) -> RecordingRescued:
        """Idempotent: what was brought before is found at its place.

        Fails as `store-unavailable` or `backup-unavailable` when one of both could not be looked
        into: then nothing is known to be missing.
        """
        return await in_thread(self._rescue, order)

    def _rescue(self, order: RescueRecording) -> RecordingRescued:
        folder = recording_folder(order.call_id)
        told = {one.object_key: one for one in order.segments if one.object_key.startswith(folder)}
        with _in_words():
            kept = self._backup.files(folder)
            stored = {key for key in self._bucket.keys(folder) if key.endswith(".ogg")}
            found = _Findings()
            for key in sorted({*told, *stored, *kept}):
                self._look_for(key, told.get(key), kept.get(key), found)
        return RecordingRescued(
            files=tuple(found.files),
            unusable=tuple(found.unusable),
            missing=tuple(found.missing),
            remarks=tuple(found.remarks),
        )

    def _look_for(
        self, key: str, told: EgressSeen | None, kept: Path | None, found: _Findings
    ) -> None:
        try:
            found.files.append(_judged(self._bucket.read_through(key), told, found))
        except RecordingMissing:
            if kept is not None:
                self._bring(key, told, kept, found)
            elif told is not None and told.backup_used and not self._backup.is_known:
                found.unusable.append(
                    f"Egress keeps {key} in its backup storage, which the worker does not know: "
                    "set EGRESS_BACKUP_DIR, or bring the file to its place, and ask again."
                )
            else:
                places = "in the object store"
                places += " nor in Egress' backup storage" if self._backup.is_known else ""
                word = "neither" if self._backup.is_known else "not"
                found.missing.append(f"{key} is {word} {places}.")
        except ValueError as wrong:
            if kept is not None:
                self._bring(key, told, kept, found)
            else:
                found.unusable.append(f"{key} in the object store is not whole. {wrong}")
        else:
            self._clear_away(key, kept, found)

    def _bring(self, key: str, told: EgressSeen | None, kept: Path, found: _Findings) -> None:
        """From the backup storage to its place; read there again, as whoever listens will."""
        try:
            _judged(measured_file(key, kept), told, _Findings())
        except ValueError as wrong:
            found.unusable.append(f"{key} in Egress' backup storage is not whole. {wrong}")
            return
        self._bucket.put(key, kept)
        try:
            found.files.append(_judged(self._bucket.read_through(key), told, found))
        except (RecordingMissing, ValueError) as wrong:
            found.unusable.append(
                f"{key} was brought to the object store and is not whole. {wrong}"
            )
            return
        found.remarks.append(f"{key} was brought from Egress' backup storage.")
        self._clear_away(key, kept, found)

    def _clear_away(self, key: str, kept: Path | None, found: _Findings) -> None:
        if kept is not None and not self._backup.forget(key):
            found.remarks.append(f"A copy of {key} stays in Egress' backup storage.")


def _judged(
    file: RecordingVerified, told: EgressSeen | None, found: _Findings
) -> RecordingVerified:
    """Raises ValueError when it is not what Egress told. One of which Egress could tell nothing any
    more is whole as far as the file itself says."""
    if told is None or told.duration_seconds <= 0:
        found.remarks.append(f"Egress did not tell how long {file.object_key} should be.")
    else:
        compare(told, file)
    return file


@contextmanager
def _in_words() -> Iterator[None]:
    try:
        yield
    except BucketUnavailable as error:
        words = f"The recording's files could not be looked for. {error}"
        raise ApplicationError(words, type=STORE_UNAVAILABLE) from error
    except (BackupUnavailable, OSError) as error:
        raise ApplicationError(str(error), type=BACKUP_UNAVAILABLE) from error
