"""The tables of what is to be deleted of calls, and of what may not be."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from store.base import Base
from store.columns import UtcDateTime

# In words that the query repeats: a partial index serves only who asks for what it holds.
NOT_DONE = text("done_at IS NULL")


class ErasureRow(Base):
    """When a call's recording or transcript is to go, who wanted it, and when it was gone.

    Three steps: due (nobody did anything yet), asked (the deletion will happen, whatever dies in
    between), done. Without a row it is kept for ever.
    """

    __tablename__ = "erasures"
    __table_args__ = (
        Index(
            "ix_erasures_due",
            "due_at",
            "call_id",
            "what",
            sqlite_where=NOT_DONE,
            postgresql_where=NOT_DONE,
        ),
    )

    call_id: Mapped[str] = mapped_column(
        ForeignKey("calls.call_id", ondelete="CASCADE"), primary_key=True
    )
    what: Mapped[str] = mapped_column(String(16), primary_key=True)  # contract.retention.Kept
    due_at: Mapped[datetime] = mapped_column(UtcDateTime)
    asked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    asked_by: Mapped[str] = mapped_column(String(64), default="")
    reason: Mapped[str] = mapped_column(Text, default="")
    failure: Mapped[str] = mapped_column(Text, default="")  # of the latest try, in words
    done_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class LegalHoldRow(Base):
    """While it stands, nothing of the call is deleted. The timeline tells of those lifted."""

    __tablename__ = "legal_holds"

    call_id: Mapped[str] = mapped_column(
        ForeignKey("calls.call_id", ondelete="CASCADE"), primary_key=True
    )
    placed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    placed_by: Mapped[str] = mapped_column(String(64))
    reason: Mapped[str] = mapped_column(Text)
