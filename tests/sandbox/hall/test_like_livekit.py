"""The hall answers as a real livekit-server does, in everything that the platform asks of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from livekit import api, rtc
from livekit.protocol.models import ParticipantInfo

from sandbox.stack import Stack, StackDescription
from tests.sandbox.hall.conftest import KEY, SECRET, OpenHall
from tests.sandbox.hall.doings import counted, do_everything, people, refusals, settles

pytestmark = pytest.mark.stack

_ROOM = "call_people"
# What activities/room_rounds.py builds on: LiveKit's counts are late, but not later than this.
_COUNTS_ARE_LATE = 11.0


@pytest_asyncio.fixture
async def livekit() -> AsyncIterator[Stack]:
    async with Stack(free_ports=True, only=["livekit"]) as stack:
        yield stack


async def test_every_request_gets_the_answer_that_livekit_gives(
    livekit: Stack, hall: OpenHall
) -> None:
    told = livekit.description
    keys = told.livekit_api_key, told.livekit_api_secret
    async with api.LiveKitAPI(told.livekit_url, *keys) as real:
        theirs, ours = await asyncio.gather(do_everything(real), do_everything(hall.livekit))
    assert ours == theirs
    assert await refusals(hall.url, KEY, SECRET) == await refusals(told.livekit_url, *keys)


async def test_humans_and_publishers_are_counted_as_livekit_counts_them(
    livekit: Stack, hall: OpenHall
) -> None:
    told = livekit.description
    keys = told.livekit_api_key, told.livekit_api_secret
    active = ParticipantInfo.State.ACTIVE
    both = [
        ("atlas-1", ParticipantInfo.Kind.AGENT, active, True),
        ("caller", ParticipantInfo.Kind.STANDARD, active, True),
    ]
    async with api.LiveKitAPI(told.livekit_url, *keys) as real:
        for each in (real, hall.livekit):
            await each.room.create_room(api.CreateRoomRequest(name=_ROOM, departure_timeout=60))
        caller, atlas = await _speaker(told, "caller"), await _speaker(told, "atlas-1")
        for identity in ("caller", "atlas-1"):
            await hall.join(_ROOM, identity)
        for each in (real, hall.livekit):
            await settles(lambda each=each: people(each, _ROOM), both, 3.0)
        for each in (real, hall.livekit):  # Atlas is no human
            await settles(lambda each=each: counted(each, _ROOM), (1, 2), _COUNTS_ARE_LATE)
        await caller.disconnect()
        await hall.leave(_ROOM, "caller")
        for each in (real, hall.livekit):
            await settles(lambda each=each: counted(each, _ROOM), (0, 1), _COUNTS_ARE_LATE)
        for each in (real, hall.livekit):
            await settles(lambda each=each: people(each, _ROOM), both[:1], 3.0)
        await atlas.disconnect()


async def _speaker(told: StackDescription, identity: str) -> rtc.Room:
    token = (
        api.AccessToken(told.livekit_api_key, told.livekit_api_secret)
        .with_identity(identity)
        .with_kind("agent" if identity.startswith("atlas") else "standard")
        .with_grants(
            api.VideoGrants(room_join=True, room=_ROOM, agent=identity.startswith("atlas"))
        )
    )
    room = rtc.Room()
    await room.connect(told.livekit_url, token.to_jwt())
    source = rtc.AudioSource(48_000, 1)
    track = rtc.LocalAudioTrack.create_audio_track(identity, source)
    await room.local_participant.publish_track(track)
    return room
