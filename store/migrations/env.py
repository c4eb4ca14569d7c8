"""Alembic's entry: inside the process by `Database.migrate`, or by hand with DATABASE_URL."""

from __future__ import annotations

import asyncio
import os

from alembic import context
from sqlalchemy import Connection

from store.models import Base


def run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=connection.dialect.name == "sqlite",
    )
    with context.begin_transaction():
        context.run_migrations()


async def run_by_hand() -> None:
    from store.database import Database

    database = Database(os.environ["DATABASE_URL"])
    async with database.migrating() as connection:
        await connection.run_sync(run)
    await database.aclose()


given = context.config.attributes.get("connection")
if given is None:
    asyncio.run(run_by_hand())
else:
    run(given)
