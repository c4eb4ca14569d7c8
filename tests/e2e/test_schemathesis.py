"""Schemathesis against a running stack: all its checks, 200 examples of each operation, stateful.

The stack has everything that the API talks to, but no agents: hundreds of calls are started, and
what they would say is not the point. Such a call gives up by itself after three dispatches; here it
is hung up.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from livekit import api as livekit_api

from sandbox.stack import Stack
from tests.e2e.switchboard import Switchboard, eventually

pytestmark = [pytest.mark.stack, pytest.mark.alone, pytest.mark.asyncio(loop_scope="session")]

HERE = Path(__file__).parent / "schemathesis"
ROOT = Path(__file__).parents[2]
SEED = "20261121"
NOT_TAKEN = "nobody took it"  # as hooks.py writes it, which only schemathesis can import
REFUSED_AT_MOST = 0.02  # of all starts, on a machine as busy as this test makes it
WITHOUT_AGENTS = ("temporal", "livekit", "s3", "api", "worker")

# A process for each: most of the time goes into thinking examples up, for which threads of one
# process wait for each other (and Python 3.11 may fail in two that parse at once). The last one
# waits for agents, 3 s at a time.
CONFIGURATION = ("assistants", "trunks", "numbers", "keys", "webhooks")
PROBES = ("installation",)
ALONE = (
    [f"--include-tag={tag}" for tag in CONFIGURATION],
    [f"--include-tag={tag}" for tag in PROBES],
    [f"--exclude-tag={tag}" for tag in CONFIGURATION + PROBES],
)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def bare_switchboard() -> AsyncIterator[Switchboard]:
    # The codec asks for a key, as it does everywhere but on a machine of one's own.
    settings = {"api": {"CODEC_OPEN": "off"}}
    async with (
        Stack(free_ports=True, only=WITHOUT_AGENTS, settings=settings) as stack,
        Switchboard.of(stack) as switchboard,
    ):
        yield switchboard


@pytest.mark.timeout(1200)
async def test_the_api_does_what_its_document_says_and_nothing_else(
    bare_switchboard: Switchboard, tmp_path: Path
) -> None:
    announced = tmp_path / "announced"
    announced.touch()
    key = await own_key(bare_switchboard)
    await asyncio.gather(
        *(
            run(bare_switchboard, key, announced, "--phases=examples,coverage,fuzzing", *operations)
            for operations in ALONE
        )
    )
    # Afterwards, as it expects to find again what it has made.
    await run(bare_switchboard, key, announced, "--phases=stateful")
    starts = announced.read_text().splitlines()
    calls = {start for start in starts if start != NOT_TAKEN}
    assert calls, "no call was started: nothing was tested"
    refused = len(starts) - len(calls)
    assert refused <= len(starts) * REFUSED_AT_MOST, f"{refused} of {len(starts)} were refused"
    await hang_up(bare_switchboard, calls)
    await assert_nothing_was_left(bare_switchboard, calls)


async def own_key(switchboard: Switchboard) -> str:
    keys = (await switchboard.get("/keys"))["items"]
    return next(str(key["id"]) for key in keys if key["name"] == "bootstrap")


async def run(switchboard: Switchboard, own_key: str, announced: Path, *what: str) -> None:
    here = switchboard.stack.description
    process = await asyncio.create_subprocess_exec(
        # Behind the stack: three that think examples up leave a worker of this machine no time to
        # take a call within the 4 s after which the API says that nobody does.
        *("nice", "-n", "15", sys.executable, "-m", "schemathesis.cli", "--no-color"),
        *("--config-file", str(HERE / "schemathesis.toml")),
        *("run", str(ROOT / "openapi.json"), "--url", here.api_url),
        *("--checks", "all", "--seed", SEED, *what),
        cwd=announced.parent,  # where it keeps its notes
        env=os.environ
        | {
            "PYTHONPATH": str(ROOT),
            "SCHEMATHESIS_HOOKS": "tests.e2e.schemathesis.hooks",
            "SWITCHBOARD_ANNOUNCED": str(announced),
            "SWITCHBOARD_API_KEY": here.api_key,
            "SWITCHBOARD_KEY_ID": own_key,
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    told, _ = await process.communicate()
    assert process.returncode == 0, f"seed {SEED}, {what}:\n{told.decode()[-20_000:]}"


async def hang_up(switchboard: Switchboard, calls: set[str]) -> None:
    few = asyncio.Semaphore(8)

    async def one(call_id: str) -> None:
        async with few:
            answer = await switchboard.http.post(f"/calls/{call_id}/hangup")
            assert answer.status_code in (200, 409), answer.text  # 409: it gave up by itself

    await asyncio.gather(*(one(call_id) for call_id in calls))


async def assert_nothing_was_left(switchboard: Switchboard, calls: set[str]) -> None:
    """No room, workflow or row that no 2xx announced; and none of those goes on."""

    async def rooms_are_gone() -> bool:
        found = await switchboard.livekit.room.list_rooms(livekit_api.ListRoomsRequest())
        return not found.rooms

    async def workflows_are_closed() -> bool:
        still_open = "WorkflowType = 'CallWorkflow' AND ExecutionStatus = 'Running'"
        return not [one async for one in switchboard.temporal.list_workflows(still_open)]

    await eventually(rooms_are_gone, timeout=60, otherwise="rooms are left")
    await eventually(workflows_are_closed, timeout=60, otherwise="workflows are left")
    runs = Counter(
        [
            one.id
            async for one in switchboard.temporal.list_workflows("WorkflowType = 'CallWorkflow'")
        ]
    )
    rows = {row["call_id"] for row in await all_calls(switchboard)}
    assert set(runs) == calls, f"without a 2xx: {set(runs) - calls}, lost: {calls - set(runs)}"
    assert set(runs.values()) == {1}
    assert rows == calls, f"without a 2xx: {rows - calls}, lost: {calls - rows}"


async def all_calls(switchboard: Switchboard) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    query = {"limit": "200"}
    while True:
        page = (await switchboard.http.get("/calls", params=query)).json()
        rows += page["items"]
        if page["next_cursor"] is None:
            return rows
        query["cursor"] = page["next_cursor"]
