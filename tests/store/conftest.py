from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from store.database import Database


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    await database.migrate()
    yield database
    await database.aclose()
