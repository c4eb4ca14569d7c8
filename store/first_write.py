"""Inserts that leave a row alone that is there already, on both databases."""

from __future__ import annotations

from typing import Any

from sqlalchemy import CursorResult
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from store.models import Base


async def insert_if_absent(
    session: AsyncSession, table: type[Base], values: dict[str, Any]
) -> bool:
    """True when this call wrote the row, False when somebody was first."""
    if session.get_bind().dialect.name == "sqlite":
        refused_quietly = sqlite.insert(table).values(values).on_conflict_do_nothing()
        result = await session.execute(refused_quietly)
    else:
        result = await session.execute(
            postgresql.insert(table).values(values).on_conflict_do_nothing()
        )
    assert isinstance(result, CursorResult)
    return result.rowcount == 1
