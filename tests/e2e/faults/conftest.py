"""One stack for all scenarios here: each leaves it whole again."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.e2e.faults.invariants import assert_nothing_is_left
from tests.e2e.faults.system import System


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def shared_system(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[System]:
    # In pytest's own folder, which outlives a failure: its logs tell what happened.
    async with System(run_dir=tmp_path_factory.mktemp("stack")) as started:
        yield started
        await assert_nothing_is_left(started)


@pytest_asyncio.fixture(loop_scope="session")
async def system(shared_system: System) -> AsyncIterator[System]:
    """Whole before and after each scenario, also after one that failed half way."""
    yield shared_system
    await shared_system.mend()
