"""Who is in a call's room, and what the caller's token does not open."""

from __future__ import annotations

import asyncio
import contextlib

import pytest
from livekit import api, rtc

from tests.e2e.switchboard import Switchboard, WebCall, eventually

pytestmark = [pytest.mark.stack, pytest.mark.asyncio(loop_scope="session")]

Kind = api.ParticipantInfo.Kind


async def test_the_room_holds_the_caller_atlas_and_media_bot(switchboard: Switchboard) -> None:
    call = await switchboard.place_call(record=False, participant_name="Ada")
    await call.join()
    await call.has_happened("opening_started")

    async def all_there() -> bool:
        return len(await who_is_in(switchboard, call)) == 3

    await eventually(all_there, timeout=10, otherwise="the room never held three")
    assert await who_is_in(switchboard, call) == {
        ("caller", "Ada", Kind.STANDARD),
        ("atlas-1", "Atlas", Kind.AGENT),
        ("media-bot-1", "Media Bot", Kind.AGENT),
    }


async def test_the_callers_token_commands_nobody(switchboard: Switchboard) -> None:
    """Attributes of the caller are Media Bot's orders: not the caller's to write."""
    call = await switchboard.place_call(record=False)
    caller = await call.join()
    me = caller.room.local_participant
    for change in (
        me.set_attributes({"media.command": "play"}),
        me.set_metadata("mine"),
        me.set_name("Operator"),
    ):
        with contextlib.suppress(Exception):  # whether told or not, nothing may change
            await asyncio.wait_for(change, 3)
    seen = await switchboard.livekit.room.get_participant(
        api.RoomParticipantIdentity(room=call.room, identity="caller")
    )
    assert (dict(seen.attributes), seen.metadata, seen.name) == ({}, "", "")
    assert not seen.permission.can_update_metadata
    assert seen.permission.can_publish_sources == [api.TrackSource.MICROPHONE]
    with pytest.raises(rtc.RpcError):
        await me.perform_rpc(destination_identity="atlas-1", method="atlas.end", payload="{}")


async def who_is_in(switchboard: Switchboard, call: WebCall) -> set[tuple[str, str, int]]:
    listed = await switchboard.livekit.room.list_participants(
        api.ListParticipantsRequest(room=call.room)
    )
    return {(who.identity, who.name, who.kind) for who in listed.participants}
