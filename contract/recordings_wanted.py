"""Which recordings a list shows."""

from __future__ import annotations

from enum import StrEnum

from contract.calls import RecordingStatus


class RecordingsWanted(StrEnum):
    """A status, or what operators look for."""

    FAILED = "failed"
    PENDING = RecordingStatus.PENDING.value
    RECORDING = RecordingStatus.RECORDING.value
    FINALISING = RecordingStatus.FINALISING.value
    READY = RecordingStatus.READY.value
    NEEDS_ATTENTION = RecordingStatus.NEEDS_ATTENTION.value
    LOST = RecordingStatus.LOST.value
    DELETED = RecordingStatus.DELETED.value

    @property
    def statuses(self) -> tuple[RecordingStatus, ...]:
        if self is RecordingsWanted.FAILED:
            return (RecordingStatus.NEEDS_ATTENTION, RecordingStatus.LOST)
        return (RecordingStatus(self.value),)
