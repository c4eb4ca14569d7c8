"""The hall's HTTP side: Twirp as LiveKit serves it, and control."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web
from google.protobuf.message import Message
from livekit import api
from livekit.protocol.models import ParticipantInfo
from livekit.protocol.room import PerformRpcRequest, PerformRpcResponse

from contract.identity import parse_agent_identity
from sandbox import twirp
from sandbox.hall.rooms import Rooms

_ABSENT_PARTICIPANT_SECONDS = 3.0  # what LiveKit takes to find that nobody has such an identity

_may_create = twirp.video(lambda grants: grants.room_create)
_may_list = twirp.video(lambda grants: grants.room_list)
# Of which room is not looked at: there is one tenant of keys in a hall.
_may_administer = twirp.video(lambda grants: grants.room_admin)

Work = Callable[[Any], Message | Awaitable[Message]]


class HallApi:
    def __init__(self, rooms: Rooms, verifier: api.TokenVerifier) -> None:
        self._rooms, self._verifier = rooms, verifier
        self._asked: Counter[str] = Counter()
        self._mute: set[str] = set()
        # The request's message, the grant that its token needs, the work.
        self._methods: dict[str, tuple[type[Message], twirp.Allowed, Work]] = {
            "RoomService/CreateRoom": (api.CreateRoomRequest, _may_create, rooms.create),
            "RoomService/ListRooms": (api.ListRoomsRequest, _may_list, self._list),
            "RoomService/DeleteRoom": (api.DeleteRoomRequest, _may_create, self._delete),
            "RoomService/ListParticipants": (
                api.ListParticipantsRequest,
                _may_administer,
                self._participants,
            ),
            "RoomService/RemoveParticipant": (
                api.RoomParticipantIdentity,
                _may_administer,
                self._remove,
            ),
            "RoomService/UpdateRoomMetadata": (
                api.UpdateRoomMetadataRequest,
                _may_administer,
                lambda asked: rooms.update_metadata(asked.room, asked.metadata),
            ),
            "RoomService/PerformRpc": (PerformRpcRequest, _may_administer, self._perform_rpc),
            "AgentDispatchService/ListDispatch": (
                api.ListAgentDispatchRequest,
                _may_administer,
                self._dispatches,
            ),
            "AgentDispatchService/CreateDispatch": (
                api.CreateAgentDispatchRequest,
                _may_administer,
                rooms.dispatch,
            ),
        }

    def application(self) -> web.Application:
        app = web.Application()
        app.add_routes(
            [
                web.get("/", self._health),
                web.post("/twirp/livekit.{service}/{method}", self._serve),
                web.post("/control/join", self._join),
                web.post("/control/leave", self._leave),
                web.post("/control/mute", self._mute_room),
                web.get("/control/requests", self._requests),
            ]
        )
        return app

    async def _serve(self, request: web.Request) -> web.Response:
        name = f"{request.match_info['service']}/{request.match_info['method']}"
        self._asked[name] += 1
        try:
            if name not in self._methods:
                raise twirp.TwirpError("bad_route", f"no handler for path {request.path!r}")
            kind, allowed, work = self._methods[name]
            refused = twirp.check_grant(request, self._verifier, allowed)
            if refused is not None:
                return refused
            answer = work(await twirp.read_message(request, kind()))
            if isinstance(answer, Awaitable):
                answer = await answer
            return twirp.respond(answer, twirp.content_type_of(request))
        except twirp.TwirpError as error:
            return error.response()

    # --- Answers ---------------------------------------------------------------------------------

    def _list(self, asked: api.ListRoomsRequest) -> Message:
        return api.ListRoomsResponse(rooms=self._rooms.find(asked.names))

    def _delete(self, asked: api.DeleteRoomRequest) -> Message:
        self._rooms.delete(asked.room)
        return api.DeleteRoomResponse()

    def _participants(self, asked: api.ListParticipantsRequest) -> Message:
        if asked.room in self._mute:
            raise twirp.TwirpError("unavailable", "twirp error unknown: no response from servers")
        return api.ListParticipantsResponse(participants=self._rooms.participants(asked.room))

    def _remove(self, asked: api.RoomParticipantIdentity) -> Message:
        self._rooms.remove(asked.room, asked.identity)
        return api.RemoveParticipantResponse()

    def _dispatches(self, asked: api.ListAgentDispatchRequest) -> Message:
        return api.ListAgentDispatchResponse(agent_dispatches=self._rooms.dispatches(asked.room))

    async def _perform_rpc(self, asked: PerformRpcRequest) -> Message:
        """Our agents take every command; nobody else serves a method."""
        present = {who.identity for who in self._rooms.participants(asked.room)}
        if asked.destination_identity not in present:
            await asyncio.sleep(_ABSENT_PARTICIPANT_SECONDS)
            raise twirp.TwirpError("unavailable", "twirp error unknown: no response from servers")
        if parse_agent_identity(asked.destination_identity) is None:
            raise twirp.TwirpError("unimplemented", "method not supported at destination")
        return PerformRpcResponse(payload='{"ok": true}')

    # --- Control ---------------------------------------------------------------------------------

    async def _join(self, request: web.Request) -> web.Response:
        """`{room, identity, publishes?}`: who has an agent's identity comes as an agent."""
        told = await request.json()
        is_agent = parse_agent_identity(told["identity"]) is not None
        who = ParticipantInfo(
            identity=told["identity"],
            kind=ParticipantInfo.Kind.AGENT if is_agent else ParticipantInfo.Kind.STANDARD,
            is_publisher=bool(told.get("publishes", True)),
        )
        try:
            joined = self._rooms.join(told["room"], who)
        except twirp.TwirpError as error:
            return error.response()
        return web.json_response({"sid": joined.sid, "joined_at_ms": joined.joined_at_ms})

    async def _leave(self, request: web.Request) -> web.Response:
        told = await request.json()
        try:
            self._rooms.leave(told["room"], told["identity"])
        except twirp.TwirpError as error:
            return error.response()
        return web.json_response({})

    async def _mute_room(self, request: web.Request) -> web.Response:
        """`{room}`: nobody can say who is in it any more, as when its node died."""
        self._mute.add((await request.json())["room"])
        return web.json_response({})

    async def _requests(self, request: web.Request) -> web.Response:
        """How often each method was asked for so far, and how many rooms are open."""
        return web.json_response({"asked": dict(self._asked), "rooms": len(self._rooms)})

    async def _health(self, request: web.Request) -> web.Response:
        return web.Response(text="OK")
