"""The room of a phone call, as somebody in it hears it and the workflow speaks into it."""

from __future__ import annotations

import json
import time
from datetime import datetime
from typing import Any

from livekit import api as livekit_api
from livekit.protocol.room import PerformRpcRequest, PerformRpcResponse

from sandbox.caller import Caller
from tests.e2e.conversation import ATLAS
from tests.e2e.switchboard import Switchboard


class Listener:
    """Hears Atlas' own track, whatever becomes of it on the way to the phone; nobody sees it."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    @classmethod
    async def join(cls, switchboard: Switchboard, room: str) -> Listener:
        here = switchboard.description
        token = livekit_api.AccessToken(here.livekit_api_key, here.livekit_api_secret)
        grants = livekit_api.VideoGrants(
            room_join=True, room=room, hidden=True, can_publish=False, can_publish_data=False
        )
        caller = Caller()
        switchboard.callers.append(caller)  # it leaves at the end of the test
        entry = token.with_identity("listener").with_grants(grants).to_jwt()
        await caller.join(here.livekit_url, entry, publish=False)
        return cls(caller)

    def spoken(self, since: datetime, until: datetime) -> float:
        """Seconds in which Atlas spoke between the two."""
        hearing = self._caller.voices.get(ATLAS)
        assert hearing is not None, "The listener hears no track of Atlas."
        offset = time.time() - time.monotonic()
        return hearing.loud_seconds(since.timestamp() - offset, until.timestamp() - offset)


async def ask_atlas(
    switchboard: Switchboard, room: str, method: str, payload: dict[str, Any]
) -> None:
    """As the workflow does it."""
    service = switchboard.livekit.room
    await service._client.request(
        "RoomService",
        "PerformRpc",
        PerformRpcRequest(
            room=room,
            destination_identity=ATLAS,
            method=method,
            payload=json.dumps(payload),
            response_timeout_ms=2000,
        ),
        service._auth_header(livekit_api.VideoGrants(room_admin=True, room=room)),
        PerformRpcResponse,
    )
