"""RPC methods of the phone: JSON objects in and out, open to the workflow and to agents only."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from livekit import rtc

from contract.rooms import PING_RPC
from contract.rpc_access import may_call_methods

Method = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]
"""Takes the payload; what it returns is added to `{"ok": true}`. ValueError: malformed."""

_REFUSED = 1403
_MALFORMED = 1400
_ANSWERING = 0.3  # s


class RpcMethods:
    def __init__(self, room: rtc.Room, methods: Mapping[str, Method]) -> None:
        self._room = room
        self._methods = {PING_RPC: _pong, **methods}
        self._open = 0
        self._idle = asyncio.Event()
        self._idle.set()

    def start(self) -> None:
        for name, method in self._methods.items():
            self._room.local_participant.register_rpc_method(name, self._serving(method))

    def close(self) -> None:
        for name in self._methods:
            self._room.local_participant.unregister_rpc_method(name)

    async def idle(self) -> None:
        """Returns when nobody waits for an answer: who leaves the room owes it for ever."""
        await self._idle.wait()

    def _serving(self, method: Method) -> Callable[[rtc.RpcInvocationData], Awaitable[str]]:
        async def serve(invocation: rtc.RpcInvocationData) -> str:
            if not self._may_call(invocation):
                raise rtc.RpcError(_REFUSED, "Only the call's workflow and agents may call this.")
            self._open += 1
            self._idle.clear()
            try:
                payload = json.loads(invocation.payload or "{}")
                if not isinstance(payload, dict):
                    raise ValueError("The payload is not an object.")
                return json.dumps({"ok": True} | await method(payload))
            except ValueError as wrong:
                raise rtc.RpcError(_MALFORMED, str(wrong)) from None
            finally:
                self._open -= 1
                if not self._open:
                    # Who leaves takes an answer along that LiveKit's client has not sent yet, and
                    # nobody says when it has.
                    asyncio.get_running_loop().call_later(_ANSWERING, self._look)

        return serve

    def _look(self) -> None:
        if not self._open:
            self._idle.set()

    def _may_call(self, invocation: rtc.RpcInvocationData) -> bool:
        caller = self._room.remote_participants.get(invocation.caller_identity)
        is_agent = (
            None if caller is None else caller.kind == rtc.ParticipantKind.PARTICIPANT_KIND_AGENT
        )
        return may_call_methods(
            invocation.caller_identity, invocation.request_id, in_room_as_agent=is_agent
        )


async def _pong(_: dict[str, Any]) -> dict[str, Any]:
    """That it answers at all is the answer."""
    return {}
