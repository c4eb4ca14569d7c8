"""Trunks and numbers; assistants per tenant; keys that can be listed; answers that are kept."""

from __future__ import annotations

import secrets

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision: str | None = "0001"

JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    _assistants_per_tenant()
    _trunks_and_numbers()
    _keys_with_an_id()
    with op.batch_alter_table("idempotency_keys") as keys:
        keys.add_column(
            sa.Column(
                "operation",
                sa.String(length=100),
                nullable=False,
                # All that there was before, and what an older process goes on to write.
                server_default="start-web-call",
            )
        )
        keys.add_column(sa.Column("answer", JSON, nullable=True))
        keys.alter_column("call_id", existing_type=sa.String(length=64), nullable=True)


def _assistants_per_tenant() -> None:
    op.drop_index("ix_assistants_tenant_id", "assistants")
    with op.batch_alter_table("assistants") as assistants:
        assistants.drop_constraint("pk_assistants", type_="primary")
        assistants.create_primary_key("pk_assistants", ["tenant_id", "id"])


def _trunks_and_numbers() -> None:
    op.create_table(
        "trunks",
        sa.Column("tenant_id", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("config", JSON, nullable=False),
        sa.Column("sealed_password", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_trunks")),
    )
    op.create_table(
        "numbers",
        sa.Column("number", sa.String(length=16), nullable=False),
        sa.Column("tenant_id", sa.String(length=64), nullable=False),
        sa.Column("assistant_id", sa.String(length=64), nullable=False),
        sa.Column("trunk_id", sa.String(length=64), nullable=True),
        sa.Column("label", sa.String(length=128), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "assistant_id"],
            ["assistants.tenant_id", "assistants.id"],
            name=op.f("fk_numbers_assistant_id"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "trunk_id"],
            ["trunks.tenant_id", "trunks.id"],
            name=op.f("fk_numbers_trunk_id"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_numbers")),
    )
    op.create_index("ix_numbers_tenant_id", "numbers", ["tenant_id", "number"])


def _keys_with_an_id() -> None:
    with op.batch_alter_table("api_keys") as keys:
        keys.add_column(sa.Column("id", sa.String(length=64), nullable=True))
        keys.add_column(
            sa.Column("prefix", sa.String(length=16), nullable=False, server_default="")
        )
        keys.add_column(sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True))
    table = sa.table("api_keys", sa.column("id"), sa.column("key_hash"))
    connection = op.get_bind()
    for key_hash in connection.scalars(sa.select(table.c.key_hash)).all():
        given = sa.update(table).where(table.c.key_hash == key_hash)
        connection.execute(given.values(id=f"key_{secrets.token_hex(8)}"))
    with op.batch_alter_table("api_keys") as keys:
        keys.drop_constraint("pk_api_keys", type_="primary")
        keys.alter_column("id", existing_type=sa.String(length=64), nullable=False)
        keys.create_primary_key("pk_api_keys", ["id"])
        keys.create_unique_constraint(op.f("uq_api_keys_key_hash"), ["key_hash"])


def downgrade() -> None:
    raise NotImplementedError("Assistants of two tenants may have one id by now.")
