from __future__ import annotations

from datetime import UTC, datetime

from livekit import api
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.agents import AgentActivities
from activities.job_metadata import JobMetadataWriter
from activities.livekit_errors import is_not_found, livekit_errors
from contract.rooms import RoomMetadata
from contract.steps import CloseRoom, InRoom, OpenRoom, RoomOpened, Step

# For whoever lost the connection and comes back; a clean leave ends the call at once.
_DEPARTURE_TIMEOUT_SECONDS = 20


class RoomActivities:
    """LiveKit's RoomService, as far as a call needs it."""

    def __init__(
        self, livekit: api.LiveKitAPI, agents: AgentActivities, jobs: JobMetadataWriter
    ) -> None:
        self._livekit = livekit
        self._agents = agents
        self._jobs = jobs

    @activity.defn(name=Step.OPEN_ROOM)
    async def open_room(self, order: OpenRoom) -> RoomOpened:
        """Create the call's room and send its agents there. Idempotent.

        LiveKit creates a room by name once and dispatches only then, so trying again brings no
        second agent. Into a room that others made, agents are sent one by one: look, then create.
        """
        with livekit_errors("open the room"):
            room = await (self._adopt(order) if order.adopted else self._create(order))
        return RoomOpened(
            room_name=room.name,
            room_sid=room.sid,
            opened_at=datetime.fromtimestamp(room.creation_time, UTC),
        )

    @activity.defn(name=Step.READ_ROOM_METADATA)
    async def read_room_metadata(self, room_name: str) -> str:
        """The agent_id in a room's metadata; empty when there is none or no such room."""
        with livekit_errors("read the room's metadata"):
            room = await self._find(room_name)
        return RoomMetadata.parse(room.metadata).agent_id if room else ""

    @activity.defn(name=Step.REMOVE_PARTICIPANT)
    async def remove_participant(self, who: InRoom) -> None:
        with livekit_errors("remove a participant"):
            try:
                await self._livekit.room.remove_participant(
                    api.RoomParticipantIdentity(room=who.room_name, identity=who.identity)
                )
            except api.ServerError as error:
                if not is_not_found(error):
                    raise

    @activity.defn(name=Step.CLOSE_ROOM)
    async def close_room(self, which: CloseRoom) -> None:
        """Delete the room, unless it is gone already or a newer namesake has taken its place."""
        with livekit_errors("close the room"):
            if which.room_name != which.call_id:
                room = await self._find(which.room_name)
                if room is None or not _is_of(which, room):
                    return
            try:
                await self._livekit.room.delete_room(api.DeleteRoomRequest(room=which.room_name))
            except api.ServerError as error:
                if not is_not_found(error):
                    raise

    async def _create(self, order: OpenRoom) -> api.Room:
        return await self._livekit.room.create_room(
            api.CreateRoomRequest(
                name=order.room_name,
                empty_timeout=order.empty_timeout_seconds,
                departure_timeout=_DEPARTURE_TIMEOUT_SECONDS,
                metadata=_room_metadata(order),
                agents=[
                    api.RoomAgentDispatch(
                        agent_name=agent.role.value, metadata=self._jobs.write(order, agent)
                    )
                    for agent in order.agents
                ],
            )
        )

    async def _adopt(self, order: OpenRoom) -> api.Room:
        room = await self._find(order.room_name)
        if room is None:
            raise ApplicationError(
                "The room closed before the agents came.", type="room-gone", non_retryable=True
            )
        await self._livekit.room.update_room_metadata(
            api.UpdateRoomMetadataRequest(room=room.name, metadata=_room_metadata(order))
        )
        for agent in order.agents:
            await self._agents.dispatch_once(order, agent)
        return room

    async def _find(self, name: str) -> api.Room | None:
        found = await self._livekit.room.list_rooms(api.ListRoomsRequest(names=[name]))
        return found.rooms[0] if found.rooms else None


def _is_of(which: CloseRoom, room: api.Room) -> bool:
    """A restart gives a room another sid; the metadata that we wrote still names the call."""
    return room.sid == which.room_sid or RoomMetadata.parse(room.metadata).call_id == which.call_id


def _room_metadata(order: OpenRoom) -> str:
    return RoomMetadata(
        agent_id=order.assistant_id,
        call_id=order.call_id,
        generation={agent.role: agent.generation for agent in order.agents},
    ).to_json()
