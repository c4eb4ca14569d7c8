"""API keys, kept as hashes only: who holds the database holds no key."""

from __future__ import annotations

import hashlib
import secrets
import string
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from sqlalchemy import ColumnElement, and_, case, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from store.cursors import Page, cursor_of, moment_of, page_of, parts_of
from store.errors import KeyUnknown, LastAdminKey
from store.first_write import insert_if_absent
from store.models import ApiKeyRow

_MADE_BY_US = "sk_sb_"
_BASE_62 = string.digits + string.ascii_letters
_SECRET_BYTES = 32
_SECRET_LENGTH = 43  # characters of base 62 that hold as much
_SHOWN = len(_MADE_BY_US) + 6  # leaves 220 of the 256 bits unknown


class Role(StrEnum):
    ADMIN = "admin"
    OPERATOR = "operator"
    AUDITOR = "auditor"
    AGENT = "agent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Who a valid key speaks for."""

    tenant_id: str
    role: Role
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredKey:
    """All that is known of a key once it was shown."""

    id: str
    tenant_id: str
    role: Role
    name: str
    prefix: str
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


class ApiKeys:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(
        self,
        key: str,
        tenant_id: str,
        role: Role,
        name: str,
        *,
        expires_at: datetime | None = None,
    ) -> bool:
        """False when the key is there already; a revoked one stays revoked."""
        return await self._add(key, tenant_id, role, name, expires_at) is not None

    async def issue(
        self, tenant_id: str, role: Role, name: str, expires_at: datetime | None = None
    ) -> tuple[str, StoredKey]:
        """A new key, which only the caller will ever see, and what is kept of it."""
        key = new_key()
        stored = await self._add(key, tenant_id, role, name, expires_at)
        assert stored is not None
        return key, stored

    async def _add(
        self, key: str, tenant_id: str, role: Role, name: str, expires_at: datetime | None
    ) -> StoredKey | None:
        stored = StoredKey(
            id=f"key_{secrets.token_hex(8)}",
            tenant_id=tenant_id,
            role=role,
            name=name,
            # Of a key that somebody else chose even a beginning may be too much.
            prefix=key[:_SHOWN] if key.startswith(_MADE_BY_US) else "",
            created_at=datetime.now(UTC),
            expires_at=expires_at,
            revoked_at=None,
        )
        values = {
            "id": stored.id,
            "key_hash": hash_key(key),
            "prefix": stored.prefix,
            "tenant_id": tenant_id,
            "role": role.value,
            "name": name,
            "created_at": stored.created_at,
            "expires_at": expires_at,
        }
        return stored if await insert_if_absent(self._session, ApiKeyRow, values) else None

    async def principal(self, key: str) -> Principal | None:
        """None for a key that is unknown, revoked or expired."""
        found = select(ApiKeyRow).where(ApiKeyRow.key_hash == hash_key(key), _is_valid())
        row = (await self._session.scalars(found)).one_or_none()
        if row is None:
            return None
        return Principal(tenant_id=row.tenant_id, role=Role(row.role), name=row.name)

    async def valid_hashes(self) -> frozenset[str]:
        """Of every key that opens something, across tenants."""
        found = await self._session.scalars(select(ApiKeyRow.key_hash).where(_is_valid()))
        return frozenset(found)

    async def list(self, tenant_id: str, limit: int = 50, cursor: str | None = None) -> KeysFound:
        """Newest first, also those that open nothing any more. Raises BadCursor."""
        found = select(ApiKeyRow).where(ApiKeyRow.tenant_id == tenant_id)
        if cursor is not None:
            text, key_id = parts_of(cursor, 2)
            created_at = moment_of(text)
            found = found.where(
                or_(
                    ApiKeyRow.created_at < created_at,
                    and_(ApiKeyRow.created_at == created_at, ApiKeyRow.id < key_id),
                )
            )
        found = found.order_by(ApiKeyRow.created_at.desc(), ApiKeyRow.id.desc()).limit(limit + 1)
        rows = [_stored(row) for row in await self._session.scalars(found)]
        return page_of(rows, limit, lambda last: cursor_of(last.created_at.isoformat(), last.id))

    async def tenants(self) -> dict[str, int]:
        """Every tenant that ever had a key, by name, with how many of them are valid."""
        is_valid = case((_is_valid(), 1), else_=0)
        found = select(ApiKeyRow.tenant_id, func.sum(is_valid)).group_by(ApiKeyRow.tenant_id)
        rows = await self._session.execute(found.order_by(ApiKeyRow.tenant_id))
        return {tenant_id: int(count) for tenant_id, count in rows}

    async def revoke(self, key: str) -> None:
        """Whoever holds a key may end it."""
        await self._session.execute(
            update(ApiKeyRow)
            .where(ApiKeyRow.key_hash == hash_key(key), ApiKeyRow.revoked_at.is_(None))
            .values(revoked_at=datetime.now(UTC))
        )

    async def revoke_by_id(self, tenant_id: str, key_id: str) -> None:
        """Does nothing the second time. Raises KeyUnknown, LastAdminKey."""
        # All admin keys are locked, in one order: two admins who revoke each other's key at once
        # must not both succeed.
        admins = select(ApiKeyRow).where(
            ApiKeyRow.tenant_id == tenant_id, ApiKeyRow.role == Role.ADMIN.value, _is_valid()
        )
        locked = admins.order_by(ApiKeyRow.id).with_for_update()
        valid = (await self._session.scalars(locked)).all()
        # One that expires by itself does not keep the door open: it counts when no other is left.
        lasting = {row.id for row in valid if row.expires_at is None}
        openers = lasting or {row.id for row in valid}
        found = select(ApiKeyRow).where(ApiKeyRow.tenant_id == tenant_id, ApiKeyRow.id == key_id)
        row = (await self._session.scalars(found)).one_or_none()
        if row is None:
            raise KeyUnknown(key_id)
        if row.revoked_at is not None:
            return
        if openers == {key_id}:
            raise LastAdminKey
        row.revoked_at = datetime.now(UTC)


KeysFound = Page[StoredKey]


def new_key() -> str:
    """`sk_sb_` and 32 random bytes in base 62."""
    number = int.from_bytes(secrets.token_bytes(_SECRET_BYTES), "big")
    digits = []
    for _ in range(_SECRET_LENGTH):
        number, digit = divmod(number, len(_BASE_62))
        digits.append(_BASE_62[digit])
    return _MADE_BY_US + "".join(digits)


def hash_key(key: str) -> str:
    # Keys are random and long, so a plain hash cannot be guessed backwards.
    return hashlib.sha256(key.encode()).hexdigest()


def _is_valid() -> ColumnElement[bool]:
    now = datetime.now(UTC)
    return and_(
        ApiKeyRow.revoked_at.is_(None),
        or_(ApiKeyRow.expires_at.is_(None), ApiKeyRow.expires_at > now),
    )


def _stored(row: ApiKeyRow) -> StoredKey:
    return StoredKey(
        id=row.id,
        tenant_id=row.tenant_id,
        role=Role(row.role),
        name=row.name,
        prefix=row.prefix,
        created_at=row.created_at,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
    )
