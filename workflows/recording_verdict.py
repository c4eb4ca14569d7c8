"""What a recording is after its files were looked for, in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from contract.calls import RecordingStatus
from contract.steps import RecordingRescued, RecordingVerified


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """`file`: the one that the record shows, the longest."""

    status: RecordingStatus
    detail: str
    file: RecordingVerified | None = None


def verdict(rescued: RecordingRescued, gaps: Sequence[str], doubts: Sequence[str]) -> Verdict:
    """`gaps`: what was never recorded. `doubts`: why there may be more than was found.

    What is there but not whole stays with the operators. What is whole is `ready`, and says what
    is missing beside it: more than all that is left there will never be.
    """
    file = max(rescued.files, key=lambda one: one.duration_seconds, default=None)
    if rescued.unusable or (doubts and (rescued.missing or file is None)):
        words = [*rescued.unusable, *doubts, *rescued.missing]
        return Verdict(status=RecordingStatus.NEEDS_ATTENTION, detail=_sentences(words), file=file)
    if file is None:
        words = ["The recording is lost.", *(rescued.missing or ["Nothing was recorded."])]
        return Verdict(status=RecordingStatus.LOST, detail=_sentences(words))
    words = [_whole(rescued.files), *rescued.remarks, *gaps, *rescued.missing]
    return Verdict(status=RecordingStatus.READY, detail=_sentences(words), file=file)


def _whole(files: Sequence[RecordingVerified]) -> str:
    if len(files) == 1:
        return f"The recording is whole: {files[0].duration_seconds:.1f} s."
    lengths = " and ".join(f"{one.duration_seconds:.1f} s" for one in files)
    return f"The recording is whole, in {len(files)} files: {lengths}."


def together(flaws: Sequence[str]) -> str:
    """One alone is told as it is."""
    return flaws[0] if len(flaws) == 1 else _sentences(flaws)


def _sentences(words: Sequence[str]) -> str:
    return " ".join(one if one.endswith(".") else f"{one}." for one in words)
