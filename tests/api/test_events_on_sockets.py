"""Following a call on real sockets: over a restart of the API, and while nothing happens."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from contract.identity import new_call_id
from contract.steps import AssistantChosen
from store.api_keys import ApiKeys
from store.calls import Calls
from tests.api.service import KEY, Service, free_port, serve, settings_for
from tests.api.sockets import listening, request
from tests.api.test_reading_calls import NOON, end, write

pytestmark = pytest.mark.slow  # waits for pings and polls


async def read_ids(reader: asyncio.StreamReader, until: int) -> list[int]:
    """The ids of the events that come, up to that one."""
    ids: list[int] = []
    async with asyncio.timeout(30):
        while not ids or ids[-1] < until:
            line = (await reader.readline()).decode()
            assert line, f"the stream ended after {ids}"
            if found := re.fullmatch(r"id: (\d+)\r?\n", line):
                ids.append(int(found[1]))
    return ids


async def follow(port: int, call_id: str, *headers: str):  # type: ignore[no-untyped-def]
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request(f"/calls/{call_id}/events", *headers))
    return reader, writer


async def given(service: Service) -> str:
    call_id = new_call_id()
    await service.given_call(call_id, started_at=NOON)
    await write(service, call_id, 1, 2, 3)
    return call_id


async def test_a_follower_goes_on_after_the_api_was_restarted(
    tmp_path: Path, database_url: str
) -> None:
    settings, port = settings_for(tmp_path, database_url=database_url), free_port()
    async with serve(settings) as writing:
        call_id = await given(writing)
        async with listening(settings, port):
            reader, writer = await follow(port, call_id)
            assert await read_ids(reader, 3) == [1, 2, 3]
            writer.close()  # a connection that broke
        await write(writing, call_id, 4)
        async with listening(settings, port):
            reader, writer = await follow(port, call_id, "Last-Event-ID: 3")
            await write(writing, call_id, 5)
            assert await read_ids(reader, 5) == [4, 5]
            # Long over: nothing will be added, so the stream ends.
            await end(writing, call_id, 6)
            assert await read_ids(reader, 6) == [6]
            async with asyncio.timeout(20):
                rest = await reader.read(100)
            assert b"id:" not in rest
            writer.close()


async def revoke_the_key(service: Service, call_id: str) -> None:
    async with service.parts.database.session() as session:
        await ApiKeys(session).revoke(KEY)


async def move_to_its_tenant(service: Service, call_id: str) -> None:
    """As when the assistant of an adopted room is found."""
    chosen = AssistantChosen(
        assistant_id="desk",
        tenant_id="acme",
        language="en",
        record=False,
        max_duration_seconds=60.0,
    )
    async with service.parts.database.session() as session:
        await Calls(session).set_assistant(call_id, chosen)


@pytest.mark.parametrize("shut_out", [revoke_the_key, move_to_its_tenant])
async def test_who_may_not_read_the_call_any_more_stops_hearing_of_it(
    tmp_path: Path, database_url: str, shut_out: Callable[[Service, str], Awaitable[None]]
) -> None:
    settings = settings_for(tmp_path, database_url=database_url)
    async with serve(settings) as writing:
        call_id = await given(writing)
        async with listening(settings) as port:
            reader, writer = await follow(port, call_id)
            assert await read_ids(reader, 3) == [1, 2, 3]
            await shut_out(writing, call_id)
            async with asyncio.timeout(20):
                assert b"id:" not in await reader.readuntil(b"0\r\n\r\n")
            writer.close()


# A quarter of a minute in which neither database does anything.
@pytest.mark.parametrize("database_kind", ["sqlite"])
async def test_a_comment_comes_while_nothing_happens(tmp_path: Path, database_url: str) -> None:
    settings = settings_for(tmp_path, database_url=database_url)
    async with serve(settings) as writing:
        call_id = await given(writing)
        async with listening(settings) as port:
            reader, writer = await follow(port, call_id, "Last-Event-ID: 3")
            async with asyncio.timeout(25):  # docs/api.md: every 15 s
                told = await reader.readuntil(b": ping\n")
            assert b"id:" not in told
            writer.close()
