from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.e2e.phone.phone_call import PhoneLines
from tests.e2e.switchboard import Switchboard


@pytest_asyncio.fixture(loop_scope="session")
async def lines(switchboard: Switchboard) -> AsyncIterator[PhoneLines]:
    lines = PhoneLines(switchboard)
    yield lines
    await lines.aclose()
