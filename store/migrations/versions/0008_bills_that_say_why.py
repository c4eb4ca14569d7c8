"""Bills say which price table made them, why they are partial, and which seconds they count."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from store.columns import JsonColumn

revision = "0008"
down_revision: str | None = "0007"


def upgrade() -> None:
    op.add_column(
        "ledger", sa.Column("price_table", sa.String(64), nullable=False, server_default="")
    )
    op.add_column(
        "ledger", sa.Column("partial_because", JsonColumn, nullable=False, server_default="[]")
    )
    op.add_column("ledger", sa.Column("seconds", JsonColumn, nullable=False, server_default="{}"))


def downgrade() -> None:
    raise NotImplementedError("Why bills are partial would be lost.")
