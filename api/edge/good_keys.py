"""Telling a good API key from a guess where not every key may be looked up by itself."""

from __future__ import annotations

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolExhausted
from starlette.types import Scope

from api.parts import Parts
from contract.errors import Unavailable
from engine.shared_check import SharedCheck
from store.api_keys import ApiKeys

# A key that was made since waits so long, if others use up its address's quota meanwhile.
_KEPT_SECONDS = 5.0


class GoodKeys:
    """All of them are read at once, every few seconds while somebody asks: one query, however many
    are guessed."""

    def __init__(self) -> None:
        self._hashes: SharedCheck[frozenset[str]] = SharedCheck(_KEPT_SECONDS)

    async def have(self, scope: Scope, key_hash: str) -> bool:
        parts: Parts = scope["app"].state.parts

        async def read() -> frozenset[str]:
            async with parts.database.reader() as session:
                return await ApiKeys(session).valid_hashes()

        try:
            return key_hash in await self._hashes(read)
        except (DBAPIError, PoolExhausted, Unavailable):
            return False  # without its database this API can do nothing for a good one either
