"""The ledger: one bill per call, whoever settles first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from store.first_write import insert_if_absent
from store.models import LedgerRow


class Ledger:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def settle(
        self,
        call_id: str,
        tenant_id: str,
        total: str,
        currency: str,
        partial: bool,
        items: list[dict[str, Any]],
        *,
        price_table: str = "",
        partial_because: Sequence[str] = (),
        seconds: Mapping[str, str] | None = None,
    ) -> LedgerRow:
        """Write the call's bill, or return the one that was written before. `seconds` are exact
        text of decimal numbers, by what they are of (activities/bills.py)."""
        bill = {
            "call_id": call_id,
            "tenant_id": tenant_id,
            "total": total,
            "currency": currency,
            "partial": partial,
            "items": items,
            "price_table": price_table,
            "partial_because": list(partial_because),
            "seconds": dict(seconds or {}),
            "settled_at": datetime.now(UTC),
        }
        await insert_if_absent(self._session, LedgerRow, bill)
        return await self._session.get_one(LedgerRow, call_id)

    async def get(self, call_id: str) -> LedgerRow | None:
        return await self._session.get(LedgerRow, call_id)
