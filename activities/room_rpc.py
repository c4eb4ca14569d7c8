"""RPC to one participant of a room, by the server (livekit.md section 4: 2 ms on loopback)."""

from __future__ import annotations

import json
from typing import Any

import aiohttp
from livekit import api
from livekit.protocol.room import PerformRpcRequest, PerformRpcResponse

from activities.livekit_errors import is_not_found

# Beyond what the participant itself may take.
_ON_THE_WAY = 1.0


async def perform_rpc(
    livekit: api.LiveKitAPI,
    room_name: str,
    identity: str,
    method: str,
    payload: dict[str, Any],
    *,
    patience: float,
) -> dict[str, Any]:
    """The participant's answer. Raises ServerError, aiohttp.ClientError or TimeoutError.

    `patience` below 3 s: LiveKit 1.13 has the method run again when it has no answer by then, three
    times in all, and gives up after 15 s whatever it is told (measured). An absent participant
    takes it 3 s to report: `participant_in` knows at once.
    """
    # livekit-api 1.2.2 has the messages of RoomService/PerformRpc but no method for it yet.
    room = livekit.room
    response = await room._client.request(
        "RoomService",
        "PerformRpc",
        PerformRpcRequest(
            room=room_name,
            destination_identity=identity,
            method=method,
            payload=json.dumps(payload),
            response_timeout_ms=round(patience * 1000),
        ),
        room._auth_header(api.VideoGrants(room_admin=True, room=room_name)),
        PerformRpcResponse,
        timeout=aiohttp.ClientTimeout(total=patience + _ON_THE_WAY),
    )
    answer = json.loads(response.payload or "{}")
    return answer if isinstance(answer, dict) else {}


async def participant_in(
    livekit: api.LiveKitAPI, room_name: str, identity: str
) -> api.ParticipantInfo | None:
    """Raises ServerError or aiohttp.ClientError."""
    try:
        return await livekit.room.get_participant(
            api.RoomParticipantIdentity(room=room_name, identity=identity)
        )
    except api.ServerError as error:
        if is_not_found(error):
            return None
        raise
