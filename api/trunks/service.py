"""Trunks of a tenant, their passwords sealed before they reach the store."""

from __future__ import annotations

import secrets
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from api.merge_patch import patched
from api.problems import wrong_field
from api.sealed_secrets import NoPayloadKeys
from api.trunks.schemas import TrunkAuth, TrunkCreate, TrunkRead, TrunkUpdate
from engine.sealing import Sealing
from store.errors import TrunkUnknown
from store.trunks import StoredTrunk, Trunks, password_place


class TenantTrunks:
    """One tenant's trunks within one transaction."""

    def __init__(self, session: AsyncSession, sealing: Sealing | None, tenant_id: str) -> None:
        self._trunks = Trunks(session)
        self._sealing = sealing
        self._tenant_id = tenant_id

    async def create(self, body: TrunkCreate) -> TrunkRead:
        """Raises TrunkExists, NoPayloadKeys, RequestValidationError."""
        trunk_id = body.id or f"trunk_{secrets.token_hex(8)}"
        sealed = self._sealed(trunk_id, body.auth, None)
        return read_of(await self._trunks.create(self._tenant_id, trunk_id, _config(body), sealed))

    async def replace(self, trunk_id: str, body: TrunkUpdate) -> TrunkRead:
        """Raises TrunkUnknown, NoPayloadKeys, RequestValidationError."""
        await self._known(trunk_id)
        return await self._write(trunk_id, body, None)

    async def change(self, trunk_id: str, changes: dict[str, Any]) -> TrunkRead:
        """A password that is not mentioned stays. Raises as `replace` does."""
        known = await self._known(trunk_id)
        body = patched(TrunkUpdate, known.config, changes)
        return await self._write(trunk_id, body, known.sealed_password)

    async def _write(self, trunk_id: str, body: TrunkUpdate, kept: str | None) -> TrunkRead:
        sealed = self._sealed(trunk_id, body.auth, kept)
        return read_of(await self._trunks.update(self._tenant_id, trunk_id, _config(body), sealed))

    async def _known(self, trunk_id: str) -> StoredTrunk:
        known = await self._trunks.get(self._tenant_id, trunk_id, for_update=True)
        if known is None:
            raise TrunkUnknown(trunk_id)
        return known

    def _sealed(self, trunk_id: str, auth: TrunkAuth | None, kept: str | None) -> str | None:
        if auth is None:
            return None
        if auth.password is None:
            if kept is None:
                raise wrong_field(
                    ("auth", "password"), "Is needed; only PATCH keeps one that is set.", "missing"
                )
            return kept
        if self._sealing is None:
            raise NoPayloadKeys("A trunk's password is", "the trunk without `auth`")
        return self._sealing.seal(auth.password, password_place(self._tenant_id, trunk_id))


def read_of(stored: StoredTrunk) -> TrunkRead:
    auth = stored.config["auth"]
    return TrunkRead.model_validate(
        stored.config
        | {
            "id": stored.id,
            "auth": auth and auth | {"password_set": stored.sealed_password is not None},
            "created_at": stored.created_at,
            "updated_at": stored.updated_at,
        }
    )


def _config(body: TrunkUpdate) -> dict[str, Any]:
    return body.model_dump(mode="json", exclude={"id": True, "auth": {"password"}})
