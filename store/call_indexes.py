"""The indexes of the calls' table, each for a question that is asked often."""

from __future__ import annotations

from sqlalchemy import Index, text

NOT_ENDED = text("status != 'ended'")
# In words that queries repeat: a partial index serves only who asks for what it holds.
OPEN_ON_TRUNK = text("status != 'ended' AND trunk_id IS NOT NULL")
HAS_LINE = text("line_taken_at IS NOT NULL")
HAS_DIALLED = text("dialled_at IS NOT NULL")


def call_indexes() -> tuple[Index, ...]:
    return (
        # A room's name leads to at most one call that is not over (design section 4).
        Index(
            "uq_calls_open_room",
            "room_name",
            unique=True,
            sqlite_where=NOT_ENDED,
            postgresql_where=NOT_ENDED,
        ),
        # Lists, newest first: all of a tenant's, and by each filter.
        Index("ix_calls_tenant_started", "tenant_id", "started_at", "call_id"),
        Index("ix_calls_tenant_status", "tenant_id", "status", "started_at", "call_id"),
        Index("ix_calls_tenant_direction", "tenant_id", "direction", "started_at", "call_id"),
        Index("ix_calls_tenant_assistant", "tenant_id", "assistant_id", "started_at", "call_id"),
        Index("ix_calls_tenant_ended_reason", "tenant_id", "ended_reason", "started_at", "call_id"),
        Index("ix_calls_open", "status", sqlite_where=NOT_ENDED, postgresql_where=NOT_ENDED),
        # Lines of a trunk (store/lines.py): who has one or waits, and when the last one went.
        Index(
            "ix_calls_open_on_trunk",
            "tenant_id",
            "trunk_id",
            sqlite_where=OPEN_ON_TRUNK,
            postgresql_where=OPEN_ON_TRUNK,
        ),
        Index(
            "ix_calls_line_taken",
            "tenant_id",
            "trunk_id",
            "line_taken_at",
            sqlite_where=HAS_LINE,
            postgresql_where=HAS_LINE,
        ),
        Index(
            "ix_calls_dialled",
            "tenant_id",
            "trunk_id",
            "dialled_at",
            sqlite_where=HAS_DIALLED,
            postgresql_where=HAS_DIALLED,
        ),
    )
