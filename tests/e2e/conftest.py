"""One stack for all tests here; a test gets what it needs to place a call and to judge it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from sandbox.stack import Stack
from tests.e2e.listening import VoiceEar, atlas_ear, caller_ear
from tests.e2e.ordinary_call import OrdinaryCall, place_ordinary_call
from tests.e2e.reservation_book import ReservationBook
from tests.e2e.switchboard import Switchboard


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shared_switchboard() -> AsyncIterator[Switchboard]:
    async with Stack(free_ports=True) as stack, Switchboard.of(stack) as switchboard:
        yield switchboard


@pytest_asyncio.fixture(loop_scope="session")
async def switchboard(shared_switchboard: Switchboard) -> AsyncIterator[Switchboard]:
    yield shared_switchboard
    await shared_switchboard.hang_up_everybody()


@pytest.fixture(scope="session")
def atlas() -> VoiceEar:
    return atlas_ear()


@pytest.fixture(scope="session")
def caller_voice() -> VoiceEar:
    return caller_ear()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def ordinary_call(shared_switchboard: Switchboard, atlas: VoiceEar) -> OrdinaryCall:
    """Placed once, looked at from many sides."""
    return await place_ordinary_call(shared_switchboard, atlas)


@pytest_asyncio.fixture(loop_scope="session")
async def reservation_book() -> AsyncIterator[ReservationBook]:
    async with ReservationBook() as book:
        yield book
