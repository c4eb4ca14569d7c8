"""RPC methods of an agent: JSON objects in and out, open to the workflow and to agents only."""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from livekit import rtc

from contract.rooms import PING_RPC
from contract.rpc_access import may_call_methods

log = logging.getLogger(__name__)

Method = Callable[[dict[str, Any]], Awaitable[dict[str, Any] | None]]
"""Takes the payload; what it returns is added to `{"ok": true}`. ValueError refuses."""

_REFUSED = 1403
_MALFORMED = 1400


async def pong(_: dict[str, Any]) -> None:
    """That it answers at all is the answer."""


class RpcMethods:
    def __init__(self, room: rtc.Room, methods: Mapping[str, Method]) -> None:
        self._room = room
        self._methods = {PING_RPC: pong, **methods}

    def start(self) -> None:
        for name, method in self._methods.items():
            self._room.local_participant.register_rpc_method(name, self._serving(method))

    async def aclose(self) -> None:
        for name in self._methods:
            self._room.local_participant.unregister_rpc_method(name)

    def _serving(self, method: Method) -> Callable[[rtc.RpcInvocationData], Awaitable[str]]:
        async def serve(invocation: rtc.RpcInvocationData) -> str:
            if not self._may_call(invocation):
                raise rtc.RpcError(_REFUSED, "Only the call's workflow and agents may call this.")
            try:
                payload = json.loads(invocation.payload or "{}")
                if not isinstance(payload, dict):
                    raise ValueError("The payload is not an object.")
                answer = await method(payload)
            except ValueError as wrong:
                raise rtc.RpcError(_MALFORMED, str(wrong)) from None
            return json.dumps({"ok": True} | (answer or {}))

        return serve

    def _may_call(self, invocation: rtc.RpcInvocationData) -> bool:
        caller = self._room.remote_participants.get(invocation.caller_identity)
        as_agent = rtc.ParticipantKind.PARTICIPANT_KIND_AGENT
        return may_call_methods(
            invocation.caller_identity,
            invocation.request_id,
            in_room_as_agent=None if caller is None else caller.kind == as_agent,
        )
