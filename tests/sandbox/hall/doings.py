"""What the platform asks of LiveKit, and every answer without what differs from run to run."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from livekit import api
from livekit.protocol.models import Room
from livekit.protocol.room import PerformRpcRequest, PerformRpcResponse

ROOM, MADE_BY_DISPATCH = "call_hall", "call_dispatched"

Seen = dict[str, Any]


async def do_everything(livekit: api.LiveKitAPI) -> Seen:
    rooms, dispatches = livekit.room, livekit.agent_dispatch
    seen: Seen = {"no room yet": _rooms(await _list(livekit, ROOM))}
    made = await rooms.create_room(
        api.CreateRoomRequest(
            name=ROOM,
            empty_timeout=90,
            departure_timeout=21,
            metadata="first",
            agents=[
                api.RoomAgentDispatch(agent_name=name, metadata=f"to {name}")
                for name in ("nobody-a", "nobody-b")
            ],
        )
    )
    seen["created"] = _room(made)
    again = await rooms.create_room(api.CreateRoomRequest(name=ROOM, metadata="second"))
    seen["created again"] = _room(again) | {"same": again.sid == made.sid}
    seen["dispatched"] = _dispatches(await dispatches.list_dispatch(ROOM))
    await dispatches.create_dispatch(
        api.CreateAgentDispatchRequest(agent_name="nobody-a", room=ROOM, metadata="later")
    )
    seen["dispatched later"] = _dispatches(await dispatches.list_dispatch(ROOM))
    renamed = await rooms.update_room_metadata(
        api.UpdateRoomMetadataRequest(room=ROOM, metadata="third")
    )
    seen["metadata"] = renamed.metadata
    seen["listed by name"] = _rooms(await _list(livekit, ROOM, "call_unknown"))
    seen["nobody there"] = len(await _participants(livekit, ROOM))
    seen["remove an absent one"] = await _refusal(lambda: _remove(livekit, ROOM))
    seen["rpc to an absent one"] = await _refusal(lambda: _rpc(livekit, ROOM, "atlas-1"))
    await rooms.delete_room(api.DeleteRoomRequest(room=ROOM))
    seen["deleted"] = _rooms(await _list(livekit, ROOM))
    seen["delete again"] = await _refusal(
        lambda: rooms.delete_room(api.DeleteRoomRequest(room=ROOM))
    )
    seen["metadata of no room"] = await _refusal(
        lambda: rooms.update_room_metadata(
            api.UpdateRoomMetadataRequest(room=ROOM, metadata="fourth")
        )
    )
    seen["participants of no room"] = len(await _participants(livekit, ROOM))
    seen["remove from no room"] = await _refusal(lambda: _remove(livekit, ROOM))
    await dispatches.create_dispatch(
        api.CreateAgentDispatchRequest(agent_name="nobody-a", room=MADE_BY_DISPATCH)
    )
    seen["made by a dispatch"] = _rooms(await _list(livekit, MADE_BY_DISPATCH))
    await rooms.delete_room(api.DeleteRoomRequest(room=MADE_BY_DISPATCH))
    return seen


async def refusals(url: str, key: str, secret: str) -> Seen:
    """Tokens that must not open anything."""
    async with api.LiveKitAPI(url, key, secret + "x") as stranger:
        forged = await _refusal(lambda: _list(stranger, ROOM))
    async with api.LiveKitAPI(url, key, secret) as livekit:
        room = livekit.room
        grants = api.VideoGrants(room_admin=True, room=ROOM)  # an agent's at most
        narrow = await _refusal(
            lambda: room._client.request(
                "RoomService",
                "ListRooms",
                api.ListRoomsRequest(),
                room._auth_header(grants),
                api.ListRoomsResponse,
            )
        )
    return {"forged": forged, "too narrow": narrow}


async def people(livekit: api.LiveKitAPI, room: str) -> list[tuple[str, int, int, bool]]:
    present = await _participants(livekit, room)
    return sorted((who.identity, who.kind, who.state, who.is_publisher) for who in present)


async def counted(livekit: api.LiveKitAPI, room: str) -> tuple[int, int]:
    (found,) = await _list(livekit, room)
    return found.num_participants, found.num_publishers


async def settles(look: Callable[[], Awaitable[Any]], expected: object, limit: float) -> None:
    """What is told from another node's memory, or rarely, comes late."""
    seen = await look()
    for _ in range(round(limit / 0.1)):
        if seen == expected:
            return
        await asyncio.sleep(0.1)
        seen = await look()
    raise AssertionError(f"{seen} instead of {expected} after {limit} s")


async def _list(livekit: api.LiveKitAPI, *names: str) -> list[Room]:
    listed = await livekit.room.list_rooms(api.ListRoomsRequest(names=names))
    return list(listed.rooms)


async def _participants(livekit: api.LiveKitAPI, room: str) -> list[api.ParticipantInfo]:
    answer = await livekit.room.list_participants(api.ListParticipantsRequest(room=room))
    return list(answer.participants)


async def _remove(livekit: api.LiveKitAPI, room: str) -> None:
    await livekit.room.remove_participant(api.RoomParticipantIdentity(room=room, identity="caller"))


async def _rpc(livekit: api.LiveKitAPI, room: str, identity: str) -> None:
    service = livekit.room
    await service._client.request(
        "RoomService",
        "PerformRpc",
        PerformRpcRequest(
            room=room, destination_identity=identity, method="atlas.end", payload="{}"
        ),
        service._auth_header(api.VideoGrants(room_admin=True, room=room)),
        PerformRpcResponse,
    )


async def _refusal(doing: Callable[[], Awaitable[Any]]) -> tuple[str, int, str]:
    try:
        await doing()
    except api.ServerError as error:
        return error.code, error.status, error.message
    raise AssertionError("This was not refused.")


def _rooms(rooms: Iterable[Room]) -> list[Seen]:
    return [_room(room) for room in rooms]


def _room(room: Room) -> Seen:
    assert room.sid.startswith("RM_"), room.sid
    assert room.creation_time > 0
    assert room.creation_time_ms // 1000 == room.creation_time
    return {
        "name": room.name,
        "metadata": room.metadata,
        "timeouts": (room.empty_timeout, room.departure_timeout),
        "humans": room.num_participants,
        "publishers": room.num_publishers,
    }


def _dispatches(found: Iterable[api.AgentDispatch]) -> list[tuple[str, str, str]]:
    assert all(dispatch.id.startswith("AD_") for dispatch in found)
    return sorted((each.agent_name, each.room, each.metadata) for each in found)
