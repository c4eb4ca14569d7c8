from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from uuid import uuid4

import pytest_asyncio

from tests.bridge.room.audio.room import Person, Phone, Server, livekit_server


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def server() -> AsyncIterator[Server]:
    async with livekit_server() as running:
        yield running


class OpenRoom:
    """A phone, and whoever else is asked in; all leave with the test."""

    def __init__(self, server: Server, leaving: AsyncExitStack) -> None:
        self._server, self._leaving = server, leaving
        self._name = f"room-{uuid4().hex[:8]}"

    async def phone(self, sample_rate: int = 8000) -> Phone:
        phone = Phone(self._server, self._name, sample_rate)
        self._leaving.push_async_callback(phone.leave)
        await phone.join()
        return phone

    async def person(self, identity: str = "atlas-1") -> Person:
        person = Person(self._server, self._name, identity)
        self._leaving.push_async_callback(person.leave)
        await person.join()
        return person


@pytest_asyncio.fixture(loop_scope="session")
async def room(server: Server) -> AsyncIterator[OpenRoom]:
    async with AsyncExitStack() as leaving:
        yield OpenRoom(server, leaving)
