"""A bridge is replaced under live calls: the old one carries its calls to their end, another one
takes the new ones."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from sandbox.stack import Part, Stack
from sandbox.stack.environment import environment
from sandbox.stack.furnishing import TRUNK_ID
from sandbox.stack.site import CHECKOUT
from tests.e2e.switchboard import Switchboard, eventually

# A whole stack and one process more: an Atlas that takes 15 s to come has failed its call.
pytestmark = [pytest.mark.stack, pytest.mark.real_time]

PARTS = [
    *("temporal", "livekit", "s3", "providers", "api", "worker", "atlas", "media-bot"),
    *("carrier", "bridge"),
]
LISTENS = "+919876500100"  # the phone only listens (docs/sandbox_carrier.md)
WRONG_NUMBER = "+919876500140"  # it says so, and hangs up


@asynccontextmanager
async def second_bridge(stack: Stack) -> AsyncIterator[None]:
    """On ports of its own, as on another machine."""
    settings = environment(Part.BRIDGE, stack.site)
    sip, http = stack.site.ports.talk, stack.site.ports.recorder
    settings["BRIDGE_LISTEN"] = f"udp://127.0.0.1:{sip},tcp://127.0.0.1:{sip}"
    settings["BRIDGE_HTTP_PORT"] = str(http)
    with (stack.run_dir / "logs" / "second-bridge.log").open("ab") as out:
        bridge = await asyncio.create_subprocess_exec(
            *("setpriv", "--pdeathsig", "KILL", "--", sys.executable),
            *("worker_main.py", "--queue", "bridge"),
            cwd=CHECKOUT,
            env=settings,
            stdout=out,
            stderr=out,
        )
    try:
        await eventually(lambda: is_ready(http), timeout=120, otherwise="no second bridge")
        yield
    finally:
        bridge.terminate()
        assert await asyncio.wait_for(bridge.wait(), 40) == 0


async def is_ready(port: int) -> bool:
    try:
        async with (
            aiohttp.ClientSession() as http,
            http.get(f"http://127.0.0.1:{port}/readyz") as answer,
        ):
            return answer.status == 200
    except aiohttp.ClientError:
        return False


async def dial(switchboard: Switchboard, number: str, assistant: str = "demo") -> str:
    order = {"assistant_id": assistant, "trunk_id": TRUNK_ID, "to_number": number}
    answer = await switchboard.http.post("/call/outbound", json=order)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["call_id"])


async def reaches(switchboard: Switchboard, call_id: str, status: str) -> dict[str, Any]:
    """The call's record, once it has this status."""

    async def look() -> dict[str, Any] | None:
        record: dict[str, Any] = (await switchboard.http.get(f"/calls/{call_id}")).json()
        return record if record["status"] == status else None

    found = await eventually(look, timeout=60, otherwise=f"{call_id} is never {status}")
    return dict(found)


@pytest.mark.timeout(300)
async def test_phones_keep_the_bridge_they_have() -> None:
    drain = {"bridge": {"BRIDGE_CALL_DRAIN_SECONDS": "120"}}
    async with (
        Stack(free_ports=True, only=PARTS, settings=drain) as stack,
        Switchboard.of(stack) as switchboard,
    ):
        # A phone that only listens would be hung up on after twenty seconds; on a busy machine
        # the second bridge is not there by then.
        patient = await switchboard.make_assistant(silence={"reprompt_after": 300})
        old_call = await dial(switchboard, LISTENS, patient)
        await reaches(switchboard, old_call, "in_progress")
        async with second_bridge(stack):
            (pid, *_) = stack.pids("bridge")
            os.kill(pid, signal.SIGTERM)  # as Docker does; `Stack.kill` would wait
            new = await reaches(switchboard, await dial(switchboard, WRONG_NUMBER), "ended")
            assert new["ended_reason"] == "callee_hung_up", new
            # Nobody noticed anything; its phone can still be asked for something.
            await reaches(switchboard, old_call, "in_progress")
            pressed = await switchboard.http.post(f"/calls/{old_call}/dtmf", json={"digits": "1"})
            assert pressed.status_code == 200, pressed.text
            assert stack.is_running("bridge")
            # With its last call the old process ends by itself, long before its patience does.
            assert (await switchboard.http.post(f"/calls/{old_call}/hangup")).status_code == 200
            old = await reaches(switchboard, old_call, "ended")
            assert old["ended_reason"] == "operator_hung_up", old
            await eventually(lambda: gone(stack), timeout=30, otherwise="the old bridge stays")


async def gone(stack: Stack) -> bool:
    return not stack.is_running("bridge")
