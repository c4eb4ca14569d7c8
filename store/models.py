"""The tables. Every change to them is an Alembic revision in `store/migrations/versions`."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from store.base import Base as Base
from store.call_indexes import call_indexes
from store.columns import JsonColumn, UtcDateTime
from store.retention_models import ErasureRow as ErasureRow  # known to Base's metadata by this
from store.webhook_models import DeliveryRow as DeliveryRow  # known to Base's metadata by this

# As long as LiveKit lets a room's name and an identity be. SQLite looks at no length, and would
# have to copy the table to declare another one.
_LIVEKIT_NAME = String(256).with_variant(String(255), "sqlite")
_CALL = "calls.call_id"


class CallRow(Base):
    __tablename__ = "calls"
    __table_args__ = call_indexes()

    call_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    tenant_id: Mapped[str] = mapped_column(String(64))
    direction: Mapped[str] = mapped_column(String(16))
    provider: Mapped[str] = mapped_column(String(32))
    assistant_id: Mapped[str | None] = mapped_column(String(64))
    room_name: Mapped[str] = mapped_column(_LIVEKIT_NAME)
    room_sid: Mapped[str] = mapped_column(String(64), default="")
    human_identity: Mapped[str] = mapped_column(_LIVEKIT_NAME)
    participant_name: Mapped[str | None] = mapped_column(String(255))
    status: Mapped[str] = mapped_column(String(16))
    language: Mapped[str | None] = mapped_column(String(35))
    record: Mapped[bool] = mapped_column(Boolean, default=False)
    metadata_: Mapped[dict[str, Any]] = mapped_column("metadata", JsonColumn, default=dict)
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    answered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ended_reason: Mapped[str | None] = mapped_column(String(32))
    ended_by: Mapped[str | None] = mapped_column(String(16))
    ended_detail: Mapped[str | None] = mapped_column(Text)
    talk_seconds: Mapped[float | None] = mapped_column(Float)
    trunk_id: Mapped[str | None] = mapped_column(String(64))
    to_number: Mapped[str | None] = mapped_column(String(16))  # E.164
    from_number: Mapped[str | None] = mapped_column(String(16))  # E.164
    # Kept by store/lines.py: the place in the trunk's queue, the latest sign of still waiting,
    # the line, and the moment reserved for the INVITE.
    line_asked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    line_waited_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    line_taken_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    dialled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class EventRow(Base):
    """One line of a call's timeline; never removed while the call exists, and never changed but
    for what was said, which goes with the transcript."""

    __tablename__ = "call_events"
    __table_args__ = (UniqueConstraint("call_id", "source", "source_seq"),)

    call_id: Mapped[str] = mapped_column(ForeignKey(_CALL, ondelete="CASCADE"), primary_key=True)
    seq: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    source: Mapped[str] = mapped_column(String(64))
    source_seq: Mapped[int] = mapped_column(Integer)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    actor: Mapped[str] = mapped_column(String(64))
    kind: Mapped[str] = mapped_column(String(64))
    text: Mapped[str] = mapped_column(Text)
    data: Mapped[dict[str, Any]] = mapped_column(JsonColumn, default=dict)


class TurnRow(Base):
    __tablename__ = "transcript_turns"
    __table_args__ = (
        UniqueConstraint("call_id", "source", "source_seq"),
        Index("ix_transcript_turns_call_start", "call_id", "start_at"),
    )

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    call_id: Mapped[str] = mapped_column(ForeignKey(_CALL, ondelete="CASCADE"))
    source: Mapped[str] = mapped_column(String(64))
    source_seq: Mapped[int] = mapped_column(Integer)
    speaker: Mapped[str] = mapped_column(String(16))
    text: Mapped[str] = mapped_column(Text)
    language: Mapped[str | None] = mapped_column(String(35))
    start: Mapped[datetime] = mapped_column("start_at", UtcDateTime)
    end: Mapped[datetime] = mapped_column("end_at", UtcDateTime)
    sentiment: Mapped[dict[str, Any] | None] = mapped_column(JsonColumn)


class AssistantRow(Base):
    """`sealed_headers` is opaque here: who writes it has the key that opens it."""

    __tablename__ = "assistants"

    tenant_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    config: Mapped[dict[str, Any]] = mapped_column(JsonColumn)
    sealed_headers: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)


class TrunkRow(Base):
    """`sealed_password` is opaque here: who writes it has the key that opens it."""

    __tablename__ = "trunks"

    tenant_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    config: Mapped[dict[str, Any]] = mapped_column(JsonColumn)
    sealed_password: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)


class NumberRow(Base):
    """Which assistant answers when this number is called. A number is one tenant's at a time."""

    __tablename__ = "numbers"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "assistant_id"],
            ["assistants.tenant_id", "assistants.id"],
            name="fk_numbers_assistant_id",
            ondelete="RESTRICT",
        ),
        ForeignKeyConstraint(
            ["tenant_id", "trunk_id"],
            ["trunks.tenant_id", "trunks.id"],
            name="fk_numbers_trunk_id",
            ondelete="RESTRICT",
        ),
        Index("ix_numbers_tenant_id", "tenant_id", "number"),
    )

    number: Mapped[str] = mapped_column(String(16), primary_key=True)  # E.164
    tenant_id: Mapped[str] = mapped_column(String(64))
    assistant_id: Mapped[str] = mapped_column(String(64))
    trunk_id: Mapped[str | None] = mapped_column(String(64))
    label: Mapped[str] = mapped_column(String(128), default="")
    enabled: Mapped[bool] = mapped_column(Boolean, default=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)


class RecordingRow(Base):
    __tablename__ = "recordings"

    call_id: Mapped[str] = mapped_column(ForeignKey(_CALL, ondelete="CASCADE"), primary_key=True)
    status: Mapped[str] = mapped_column(String(32), index=True)
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    egress_id: Mapped[str | None] = mapped_column(String(64), index=True)
    detail: Mapped[str] = mapped_column(Text, default="")
    object_key: Mapped[str | None] = mapped_column(String(1024))
    duration_seconds: Mapped[float | None] = mapped_column(Float)
    size_bytes: Mapped[int | None] = mapped_column(BigInteger)
    sha256: Mapped[str | None] = mapped_column(String(64))
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)


class LedgerRow(Base):
    """The one bill of one call. `total` is exact text of a decimal number."""

    __tablename__ = "ledger"

    call_id: Mapped[str] = mapped_column(ForeignKey(_CALL, ondelete="RESTRICT"), primary_key=True)
    tenant_id: Mapped[str] = mapped_column(String(64), index=True)
    total: Mapped[str] = mapped_column(String(40))
    currency: Mapped[str] = mapped_column(String(3))
    partial: Mapped[bool] = mapped_column(Boolean)
    items: Mapped[list[dict[str, Any]]] = mapped_column(JsonColumn)
    price_table: Mapped[str] = mapped_column(String(64), server_default="")
    partial_because: Mapped[list[str]] = mapped_column(JsonColumn, server_default="[]")
    seconds: Mapped[dict[str, str]] = mapped_column(JsonColumn, server_default="{}")
    settled_at: Mapped[datetime] = mapped_column(UtcDateTime)


class ApiKeyRow(Base):
    """`prefix` is the key's beginning, to tell keys apart; empty for those we did not make."""

    __tablename__ = "api_keys"
    __table_args__ = (UniqueConstraint("key_hash"),)

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    key_hash: Mapped[str] = mapped_column(String(64))
    prefix: Mapped[str] = mapped_column(String(16), server_default="")
    tenant_id: Mapped[str] = mapped_column(String(64), index=True)
    role: Mapped[str] = mapped_column(String(16))
    name: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class IdempotencyRow(Base):
    """What a tenant's key was used for, and what came of it: a call, or the answer itself.

    `attempt` is the one that `call_id` belongs to, or, once released, the next one.
    """

    __tablename__ = "idempotency_keys"

    tenant_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    key_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    operation: Mapped[str] = mapped_column(String(100), server_default="start-web-call")
    body_hash: Mapped[str] = mapped_column(String(64))
    call_id: Mapped[str | None] = mapped_column(String(64))
    answer: Mapped[dict[str, Any] | None] = mapped_column(JsonColumn)
    attempt: Mapped[int] = mapped_column(Integer, default=1)
    state: Mapped[str] = mapped_column(String(16))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
