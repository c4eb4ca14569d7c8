from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from sandbox.stack import Stack
from tests.bridge.room.rig import Hall, Table, open_hall


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def livekit() -> AsyncIterator[Stack]:
    async with Stack(free_ports=True, only=["livekit"]) as stack:
        yield stack


@pytest_asyncio.fixture(loop_scope="module")
async def hall(livekit: Stack, tmp_path: Path) -> AsyncIterator[Hall]:
    async with open_hall(tmp_path / "carrier", livekit) as hall:
        yield hall


@pytest_asyncio.fixture(loop_scope="module")
async def table(hall: Hall, tmp_path: Path) -> Table:
    return await hall.open_bridge(tmp_path / "ladders")
