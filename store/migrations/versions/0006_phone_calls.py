"""Phone calls: their trunk and numbers, and their place among the trunk's lines."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision: str | None = "0005"

_MOMENT = sa.DateTime(timezone=True)
_COLUMNS: dict[str, sa.String | sa.DateTime] = {
    "trunk_id": sa.String(64),
    "to_number": sa.String(16),
    "from_number": sa.String(16),
    "line_asked_at": _MOMENT,
    "line_waited_at": _MOMENT,
    "line_taken_at": _MOMENT,
    "dialled_at": _MOMENT,
}
_OF_TRUNK = ["tenant_id", "trunk_id"]
_INDEXES = {
    "ix_calls_open_on_trunk": (_OF_TRUNK, "status != 'ended' AND trunk_id IS NOT NULL"),
    "ix_calls_line_taken": ([*_OF_TRUNK, "line_taken_at"], "line_taken_at IS NOT NULL"),
    "ix_calls_dialled": ([*_OF_TRUNK, "dialled_at"], "dialled_at IS NOT NULL"),
}


def upgrade() -> None:
    for name, kind in _COLUMNS.items():
        op.add_column("calls", sa.Column(name, kind, nullable=True))
    for name, (columns, condition) in _INDEXES.items():
        where = sa.text(condition)
        op.create_index(name, "calls", columns, sqlite_where=where, postgresql_where=where)


def downgrade() -> None:
    for name in _INDEXES:
        op.drop_index(name, "calls")
    for name in _COLUMNS:
        op.drop_column("calls", name)
