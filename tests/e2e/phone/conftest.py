from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.e2e.phone.livekit_sip import TRUNK as LIVEKIT_SIP
from tests.e2e.phone.phone_call import TRUNK as BRIDGE
from tests.e2e.phone.phone_call import PhoneLines
from tests.e2e.switchboard import Switchboard


@pytest_asyncio.fixture(loop_scope="session")
async def lines(switchboard: Switchboard) -> AsyncIterator[PhoneLines]:
    lines = PhoneLines(switchboard)
    yield lines
    await lines.aclose()


@pytest.fixture(params=[BRIDGE, LIVEKIT_SIP], ids=["bridge", "livekit_sip"])
def trunk_id(request: pytest.FixtureRequest) -> str:
    """For what holds whoever carries the phone."""
    return str(request.param)
