"""What the store knows of deletions and holds, as clients see it."""

from __future__ import annotations

from collections.abc import Mapping

from api.retention.schemas import DeletionRead, KeptRead, LegalHoldRead, RetentionRead
from contract.retention import Kept
from store.retention_models import ErasureRow, LegalHoldRow


def retention_of(erasures: Mapping[Kept, ErasureRow]) -> RetentionRead:
    return RetentionRead(
        recording=kept_of(erasures.get(Kept.RECORDING)),
        transcript=kept_of(erasures.get(Kept.TRANSCRIPT)),
    )


def kept_of(erasure: ErasureRow | None) -> KeptRead:
    if erasure is None:
        return KeptRead(delete_after=None, deletion=None)
    deletion = deletion_of(erasure)
    return KeptRead(delete_after=None if deletion else erasure.due_at, deletion=deletion)


def deletion_of(erasure: ErasureRow) -> DeletionRead | None:
    """None: it is due some day, and nobody asked for it before."""
    if erasure.asked_at is None:
        return None
    return DeletionRead(
        asked_at=erasure.asked_at,
        by=erasure.asked_by,
        reason=erasure.reason,
        deleted_at=erasure.done_at,
        failure=erasure.failure,
    )


def hold_of(hold: LegalHoldRow | None) -> LegalHoldRead | None:
    if hold is None:
        return None
    return LegalHoldRead(placed_at=hold.placed_at, by=hold.placed_by, reason=hold.reason)
