"""Each filter of a list of calls finds its page without reading the tenant's other calls."""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision: str | None = "0004"


def upgrade() -> None:
    for index, column in (
        ("status", "status"),
        ("direction", "direction"),
        ("assistant", "assistant_id"),
        ("ended_reason", "ended_reason"),
    ):
        columns = ["tenant_id", column, "started_at", "call_id"]
        op.create_index(f"ix_calls_tenant_{index}", "calls", columns)


def downgrade() -> None:
    for index in ("status", "direction", "assistant", "ended_reason"):
        op.drop_index(f"ix_calls_tenant_{index}", "calls")
