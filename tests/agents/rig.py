"""A stack without API and worker: agents, LiveKit, Temporal, and calls led by the test itself."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from typing import Any, Literal, Self

from livekit import api
from livekit.protocol.room import PerformRpcRequest, PerformRpcResponse
from temporalio.client import Client, WorkflowHandle
from temporalio.worker import Worker

from contract.assistants import Assistant
from contract.identity import CALLER_IDENTITY, AgentRole, new_call_id
from contract.rooms import JobMetadata
from engine.client import connect
from engine.settings import EngineSettings
from sandbox.caller.caller import Caller
from sandbox.stack.keys import Keys
from sandbox.stack.stack import Stack
from tests.agents.compass_double import CompassDouble
from tests.agents.listener import Listener

CALL_TOKEN = "ct1.test"
ParticipantKind = Literal["standard", "sip"]


class Rig:
    def __init__(
        self,
        *assistants: Assistant,
        only: tuple[str, ...],
        media_bot: Mapping[str, str] | None = None,
    ) -> None:
        """`media_bot`: settings on top of its usual ones."""
        self.compass = CompassDouble(CALL_TOKEN, *assistants)
        self._only = ("temporal", "livekit", *only)
        self._media_bot = dict(media_bot or {})
        self._open = AsyncExitStack()

    async def __aenter__(self) -> Self:
        await self._open.enter_async_context(self.compass)
        ours = {"COMPASS_URL": self.compass.url, "INTERNAL_API_URL": self.compass.url}
        self.stack = await self._open.enter_async_context(
            Stack(
                free_ports=True,
                only=self._only,
                settings={"atlas": ours, "media-bot": ours | self._media_bot},
            )
        )
        here = self.stack.description
        keys = Keys.load_or_make(self.stack.run_dir / "keys.json")
        self.temporal: Client = await connect(
            EngineSettings(
                temporal_address=here.temporal_address,
                temporal_namespace=here.temporal_namespace,
                payload_keys=keys.payload_keys,
            )
        )
        await self._open.enter_async_context(
            Worker(self.temporal, task_queue="listeners", workflows=[Listener])
        )
        self.livekit = await self._open.enter_async_context(
            api.LiveKitAPI(here.livekit_url, here.livekit_api_key, here.livekit_api_secret)
        )
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._open.aclose()

    async def open_call(self, *roles: AgentRole, **job: Any) -> CallUnderTest:
        call = CallUnderTest(self, new_call_id())
        await call.open(*roles, **job)
        return call

    def logs(self) -> str:
        """The last lines of the agents' logs, for a failed test."""
        folder = self.stack.run_dir / "logs"
        tails = (
            f"{log.name}:\n" + "\n".join(log.read_text().splitlines()[-25:])
            for log in (folder / "atlas.log", folder / "media-bot.log")
            if log.exists()
        )
        return "\n".join(tails)

    def token(self, room: str, identity: str, kind: ParticipantKind = "standard") -> str:
        here = self.stack.description
        return (
            api.AccessToken(here.livekit_api_key, here.livekit_api_secret)
            .with_identity(identity)
            .with_kind(kind)
            .with_grants(api.VideoGrants(room_join=True, room=room))
            .to_jwt()
        )


class CallUnderTest:
    def __init__(self, rig: Rig, call_id: str) -> None:
        self.id = call_id
        self.opened_at = 0.0
        self.rig = rig
        self._workflow: WorkflowHandle[Any, Any]

    async def open(self, *roles: AgentRole, **job: Any) -> None:
        self._workflow = await self.rig.temporal.start_workflow(
            Listener.run, id=self.id, task_queue="listeners"
        )
        self.opened_at = time.monotonic()
        agents = [
            api.RoomAgentDispatch(agent_name=role.value, metadata=self._job(role, job))
            for role in roles
        ]
        await self.rig.livekit.room.create_room(api.CreateRoomRequest(name=self.id, agents=agents))

    async def dispatch(self, role: AgentRole, **job: Any) -> None:
        """Send an agent into a room that is open already."""
        await self.rig.livekit.agent_dispatch.create_dispatch(
            api.CreateAgentDispatchRequest(
                agent_name=role.value, room=self.id, metadata=self._job(role, job)
            )
        )

    def _job(self, role: AgentRole, job: dict[str, Any]) -> str:
        usual = {
            "call_id": self.id,
            "agent_id": "demo",
            "role": role,
            "generation": 1,
            "call_token": CALL_TOKEN,
        }
        return JobMetadata(**usual | job).to_json()

    async def join(self, identity: str = CALLER_IDENTITY, caller: Caller | None = None) -> Caller:
        caller = caller or Caller()
        url = self.rig.stack.description.livekit_url
        await caller.join(url, self.rig.token(self.id, identity))
        return caller

    async def facts(self) -> list[dict[str, Any]]:
        facts: list[dict[str, Any]] = await self._workflow.query(Listener.facts)
        return facts

    async def fact(self, kind: str, patience: float = 10.0) -> dict[str, Any]:
        async def told() -> dict[str, Any] | None:
            return next((fact for fact in await self.facts() if fact["kind"] == kind), None)

        try:
            found: dict[str, Any] = await eventually(told, patience, f"no fact {kind}")
        except AssertionError as missing:
            facts = [fact["kind"] for fact in await self.facts()]
            raise AssertionError(f"{missing}, only {facts}.\n{self.rig.logs()}") from None
        return found

    async def tell(self, method: str, payload: str = "{}", identity: str = "atlas-1") -> str:
        # RoomService has the method, livekit-api 1.2.2 does not offer it yet.
        rooms = self.rig.livekit.room
        grants = api.VideoGrants(room_admin=True, room=self.id)
        answer = await rooms._client.request(
            "RoomService",
            "PerformRpc",
            PerformRpcRequest(
                room=self.id, destination_identity=identity, method=method, payload=payload
            ),
            rooms._auth_header(grants),
            PerformRpcResponse,
        )
        return str(answer.payload)

    def turns(self, speaker: str) -> list[str]:
        """What that speaker said, as it is in the record."""
        turns = self.rig.compass.turns_of[self.id]
        return [turn["text"] for turn in turns if turn["speaker"] == speaker]

    async def says(self, text: str, patience: float = 15.0) -> None:
        """Returns once the assistant has said so."""

        async def is_there() -> bool:
            return text in self.turns("assistant")

        turns = self.rig.compass.turns_of[self.id]
        await eventually(is_there, patience, f"{text!r} was never said: {turns}")

    async def identities(self) -> set[str]:
        found = await self.rig.livekit.room.list_participants(
            api.ListParticipantsRequest(room=self.id)
        )
        return {participant.identity for participant in found.participants}

    async def close(self) -> None:
        await self.rig.livekit.room.delete_room(api.DeleteRoomRequest(room=self.id))


async def eventually(look: Callable[[], Any], patience: float, otherwise: str) -> Any:
    until = time.monotonic() + patience
    while time.monotonic() < until:
        if found := await look():
            return found
        await asyncio.sleep(0.05)
    raise AssertionError(otherwise)
