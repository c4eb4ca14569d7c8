"""What the hall does that no test compares with LiveKit: webhooks, RPC, control, its process."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys

import pytest
from aiohttp.test_utils import unused_port
from livekit import api

from sandbox.stack.site import CHECKOUT
from tests.sandbox.hall.conftest import OpenHall


async def test_the_events_of_a_room_come_signed_and_in_order(hall: OpenHall) -> None:
    room = hall.livekit.room
    await room.create_room(api.CreateRoomRequest(name="call_a"))
    await hall.join("call_a", "atlas-1")
    await hall.join("call_a", "caller")
    await hall.leave("call_a", "caller")
    await room.delete_room(api.DeleteRoomRequest(room="call_a"))
    assert await hall.told(6) == [
        ("room_started", ""),
        ("participant_joined", "atlas-1"),
        ("participant_joined", "caller"),
        ("participant_left", "caller"),
        ("participant_left", "atlas-1"),
        ("room_finished", ""),
    ]


async def test_a_participant_is_removed(hall: OpenHall) -> None:
    room = hall.livekit.room
    await room.create_room(api.CreateRoomRequest(name="call_a"))
    await hall.join("call_a", "atlas-1")
    await room.remove_participant(api.RoomParticipantIdentity(room="call_a", identity="atlas-1"))
    present = await room.list_participants(api.ListParticipantsRequest(room="call_a"))
    assert list(present.participants) == []


async def test_requests_are_counted_by_method(hall: OpenHall) -> None:
    for _ in range(3):
        await hall.livekit.room.list_rooms(api.ListRoomsRequest())
    assert await hall.asked("RoomService/ListRooms") == 3


async def test_nobody_joins_a_room_that_is_not_there(hall: OpenHall) -> None:
    told = {"room": "call_a", "identity": "caller"}
    async with hall.http.post(f"{hall.url}/control/join", json=told) as answer:
        assert answer.status == 404


def test_the_process_names_a_setting_that_is_missing() -> None:
    said = _run({})
    assert said.returncode == 2
    assert "LIVEKIT_URL" in said.stderr


async def test_the_process_serves_and_ends_on_sigterm() -> None:
    port = unused_port()
    settings = {
        "LIVEKIT_URL": f"ws://127.0.0.1:{port}",
        "LIVEKIT_API_KEY": "key",
        "LIVEKIT_API_SECRET": "secret",
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "sandbox.hall"), cwd=CHECKOUT, env=os.environ | settings
    )
    try:
        for _ in range(400):
            if await _connects(port):
                break
            await asyncio.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 10) == 0
    finally:
        if process.returncode is None:
            process.kill()


async def _connects(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


def _run(settings: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sandbox.hall"],
        cwd=CHECKOUT,
        env={"PATH": os.environ["PATH"], **settings},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


@pytest.mark.parametrize("identity", ["atlas-1", "media-bot-2"])
async def test_agents_take_every_command(hall: OpenHall, identity: str) -> None:
    from activities.agents import AgentActivities
    from activities.job_metadata import JobMetadataWriter
    from contract.steps import TellAtlas

    await hall.livekit.room.create_room(api.CreateRoomRequest(name="call_a"))
    await hall.join("call_a", identity)
    agents = AgentActivities(hall.livekit, JobMetadataWriter("0123456789abcdef"))
    await agents.tell_atlas(
        TellAtlas(room_name="call_a", identity=identity, method="atlas.end", payload={})
    )
