"""A recording's times beside its call's: what was said and not recorded, in words."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from contract.recordings import EgressSeen
from workflows import options


def late_beginning(files: Sequence[EgressSeen], talk_began_at: datetime | None) -> list[str]:
    """One sentence, or none. Egress also waits while nobody publishes audio, so this is told of a
    recording and is no flaw of it."""
    begun = [one.started_at for one in files if one.started_at is not None]
    if talk_began_at is None or not begun:
        return []
    late = min(begun) - talk_began_at
    if late <= options.RECORDING_TOLERANCE:
        return []
    return [f"It begins {late.total_seconds():.0f} s after the call was answered."]


def missing_end(files: Sequence[EgressSeen], call_ended_at: datetime | None) -> list[str]:
    """The same of the end, judged by the last file: the room closes after its call, so a recording
    that ended first has missed something."""
    ended_at = files[-1].ended_at if files else None
    if call_ended_at is None or ended_at is None or not files[-1].status.is_final:
        return []
    missing = call_ended_at - ended_at
    if missing <= options.RECORDING_TOLERANCE:
        return []
    seconds = missing.total_seconds()
    return [f"Egress ended {seconds:.0f} s before the call did; the rest was not recorded."]
