"""Names of rooms and identities as long as LiveKit lets them be: 256."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision: str | None = "0002"


def upgrade() -> None:
    # SQLite looks at no length, and a copied table would take with it what hangs on its rows.
    if op.get_bind().dialect.name == "sqlite":
        return
    for column in ("room_name", "human_identity"):
        op.alter_column(
            "calls",
            column,
            existing_type=sa.String(length=255),
            type_=sa.String(length=256),
            existing_nullable=False,
        )


def downgrade() -> None:
    raise NotImplementedError("Names of 256 characters may be there by now.")
