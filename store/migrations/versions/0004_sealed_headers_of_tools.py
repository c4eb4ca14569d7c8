"""A place for the sealed values of tools' headers, and none of them in kept answers.

Those in the assistants' own configuration are sealed by the API at its next start: it has the keys.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision: str | None = "0003"

_HIDDEN = "[hidden]"
_KEYS = sa.table(
    "idempotency_keys",
    sa.column("tenant_id", sa.String),
    sa.column("key_hash", sa.String),
    sa.column("operation", sa.String),
    sa.column("answer", sa.JSON().with_variant(postgresql.JSONB(), "postgresql")),
)


def upgrade() -> None:
    op.add_column("assistants", sa.Column("sealed_headers", sa.Text(), nullable=True))
    database = op.get_bind()
    created = sa.select(_KEYS).where(_KEYS.c.operation == "create-assistant")
    for kept in database.execute(created).all():
        if kept.answer and _hide(kept.answer):
            database.execute(
                sa.update(_KEYS)
                .where(_KEYS.c.tenant_id == kept.tenant_id, _KEYS.c.key_hash == kept.key_hash)
                .values(answer=kept.answer)
            )


def _hide(answer: dict[str, Any]) -> bool:
    """Whether there was anything to hide."""
    told = [tool for tool in answer["tools"]["http"] if tool["headers"]]
    for tool in told:
        tool["headers"] = dict.fromkeys(tool["headers"], _HIDDEN)
    return bool(told)


def downgrade() -> None:
    raise NotImplementedError("Sealed headers would be lost.")
