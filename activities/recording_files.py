"""A recording's files: where they belong, and whether one is what Egress says of it."""

from __future__ import annotations

from contract.recordings import EgressSeen
from contract.steps import RecordingVerified

# ApplicationError type: S3 does not answer or refuses; the object may be all right.
STORE_UNAVAILABLE = "store-unavailable"
_LENGTH_TOLERANCE_SECONDS = 2.0


def recording_folder(call_id: str) -> str:
    return f"recordings/{call_id}/"


def compare(told: EgressSeen, stored: RecordingVerified) -> None:
    """Raises ValueError when the object is not what Egress says that it stored."""
    if told.size_bytes and told.size_bytes != stored.size_bytes:
        raise ValueError(
            f"Egress stored {told.size_bytes} bytes, the object has {stored.size_bytes}."
        )
    if told.duration_seconds <= 0:
        raise ValueError("Egress does not say how long it recorded.")
    difference = abs(stored.duration_seconds - told.duration_seconds)
    if difference > _LENGTH_TOLERANCE_SECONDS:
        raise ValueError(
            f"Egress recorded {told.duration_seconds:.1f} s, "
            f"the object has {stored.duration_seconds:.1f} s."
        )
