"""What is told of a recording after its files were looked for."""

from __future__ import annotations

from contract.calls import RecordingStatus
from contract.steps import RecordingRescued, RecordingVerified
from workflows.recording_verdict import verdict

LOST, READY = RecordingStatus.LOST, RecordingStatus.READY
NEEDS_ATTENTION = RecordingStatus.NEEDS_ATTENTION
NOWHERE = "recordings/x/2.ogg is not in the object store."
GAP = "The recording has a gap. Attempt 1 broke: killed"


def file(number: int, seconds: float) -> RecordingVerified:
    return RecordingVerified(
        object_key=f"recordings/x/{number}.ogg",
        size_bytes=10,
        duration_seconds=seconds,
        sha256="0" * 64,
    )


def test_one_whole_file() -> None:
    found = verdict(RecordingRescued(files=(file(1, 3.25),)), [], [])
    assert (found.status, found.detail) == (READY, "The recording is whole: 3.2 s.")


def test_several_files_show_the_longest_and_tell_what_is_missing() -> None:
    rescued = RecordingRescued(files=(file(1, 2), file(3, 5)), missing=(NOWHERE,))
    found = verdict(rescued, [GAP], [])
    assert found.file == file(3, 5)
    assert (found.status, found.detail) == (
        READY,
        f"The recording is whole, in 2 files: 2.0 s and 5.0 s. {GAP}. {NOWHERE}",
    )


def test_nothing_is_left() -> None:
    found = verdict(RecordingRescued(files=(), missing=(NOWHERE,)), [GAP], [])
    assert (found.status, found.file) == (LOST, None)
    assert found.detail == f"The recording is lost. {NOWHERE}"
    assert verdict(RecordingRescued(files=()), [], []).detail.endswith("Nothing was recorded.")


def test_a_doubt_keeps_what_is_missing_from_being_called_lost() -> None:
    doubts = ["Egress does not answer"]
    for files in ((), (file(1, 2),)):
        found = verdict(RecordingRescued(files=files, missing=(NOWHERE,)), [], doubts)
        assert (found.status, found.detail) == (
            NEEDS_ATTENTION,
            f"Egress does not answer. {NOWHERE}",
        )
    assert verdict(RecordingRescued(files=(file(1, 2),)), [], doubts).status is READY


def test_what_is_there_and_not_whole_stays_with_the_operators() -> None:
    half = "recordings/x/2.ogg in the object store is not whole. It is empty."
    found = verdict(RecordingRescued(files=(file(1, 2),), unusable=(half,)), [], [])
    assert (found.status, found.detail, found.file) == (NEEDS_ATTENTION, half, file(1, 2))
