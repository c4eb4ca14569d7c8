"""What is to be deleted of calls, and legal holds."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from store.columns import UtcDateTime

revision = "0009"
down_revision: str | None = "0008"

_NOT_DONE = sa.text("done_at IS NULL")


def upgrade() -> None:
    op.create_table(
        "erasures",
        sa.Column("call_id", sa.String(64), nullable=False),
        sa.Column("what", sa.String(16), nullable=False),
        sa.Column("due_at", UtcDateTime(), nullable=False),
        sa.Column("asked_at", UtcDateTime()),
        sa.Column("asked_by", sa.String(64), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("failure", sa.Text(), nullable=False),
        sa.Column("done_at", UtcDateTime()),
        sa.PrimaryKeyConstraint("call_id", "what", name="pk_erasures"),
        sa.ForeignKeyConstraint(
            ["call_id"], ["calls.call_id"], name="fk_erasures_call_id", ondelete="CASCADE"
        ),
    )
    op.create_index(
        "ix_erasures_due",
        "erasures",
        ["due_at", "call_id", "what"],
        sqlite_where=_NOT_DONE,
        postgresql_where=_NOT_DONE,
    )
    op.create_table(
        "legal_holds",
        sa.Column("call_id", sa.String(64), nullable=False),
        sa.Column("placed_at", UtcDateTime(), nullable=False),
        sa.Column("placed_by", sa.String(64), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("call_id", name="pk_legal_holds"),
        sa.ForeignKeyConstraint(
            ["call_id"], ["calls.call_id"], name="fk_legal_holds_call_id", ondelete="CASCADE"
        ),
    )


def downgrade() -> None:
    for table in ("legal_holds", "erasures"):
        op.drop_table(table)
