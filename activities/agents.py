from __future__ import annotations

from livekit import api
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.job_metadata import JobMetadataWriter, dispatched_generation
from activities.livekit_errors import livekit_errors
from activities.room_rpc import perform_rpc
from contract.identity import parse_agent_identity
from contract.rooms import Attribute, RoomMetadata
from contract.steps import (
    AgentOrder,
    DispatchAgent,
    OpenRoom,
    Step,
    TellAtlas,
    WriteTranscription,
)


class AgentActivities:
    """Sends agents into rooms and speaks to them there."""

    def __init__(self, livekit: api.LiveKitAPI, jobs: JobMetadataWriter) -> None:
        self._livekit = livekit
        self._jobs = jobs

    @activity.defn(name=Step.DISPATCH_AGENT)
    async def dispatch_agent(self, order: DispatchAgent) -> None:
        """Send the next generation in, after naming it the current one and removing older ones."""
        with livekit_errors(f"send {order.agent.role.display_name} in"):
            await self._name_current_generation(order)
            await self._remove_older(order)
            await self.dispatch_once(order, order.agent)

    async def dispatch_once(self, order: OpenRoom | DispatchAgent, agent: AgentOrder) -> None:
        """LiveKit makes a new agent of every request (and a new room, if need be): look first."""
        existing = await self._livekit.agent_dispatch.list_dispatch(order.room_name)
        for dispatch in existing:
            sent = dispatched_generation(dispatch.metadata, order.call_id, agent.role)
            if sent == agent.generation:
                return
        await self._livekit.agent_dispatch.create_dispatch(
            api.CreateAgentDispatchRequest(
                agent_name=agent.role.value,
                room=order.room_name,
                metadata=self._jobs.write(order, agent),
            )
        )

    @activity.defn(name=Step.TELL_ATLAS)
    async def tell_atlas(self, message: TellAtlas) -> None:
        """One RPC into the room; Atlas answers `{"ok": true}` (livekit.md: 2 ms on loopback)."""
        with livekit_errors(f"reach {message.identity}"):
            answer = await perform_rpc(
                self._livekit,
                message.room_name,
                message.identity,
                message.method,
                message.payload,
                patience=message.patience,
            )
        if answer.get("ok") is not True:
            raise ApplicationError(
                f"{message.identity} answered {message.method} with {answer}.", type="rpc-refused"
            )

    @activity.defn(name=Step.WRITE_TRANSCRIPTION)
    async def write_transcription(self, order: WriteTranscription) -> None:
        """All of it in one write, so that Media Bot never sees half of an order. An empty text
        takes an attribute away."""
        attributes: dict[str, str] = {
            Attribute.STT_ENABLED: "true",
            Attribute.STT_LANGUAGE: order.language,
            Attribute.STT_COMMAND_ID: order.command_id,
            Attribute.STT_DEAF: "true" if order.is_deaf else "",
        }
        with livekit_errors("have Media Bot transcribe"):
            await self._livekit.room.update_participant(
                api.UpdateParticipantRequest(
                    room=order.room_name, identity=order.identity, attributes=attributes
                )
            )

    async def _name_current_generation(self, order: DispatchAgent) -> None:
        rooms = await self._livekit.room.list_rooms(api.ListRoomsRequest(names=[order.room_name]))
        if not rooms.rooms:
            raise ApplicationError("The room is gone.", type="room-gone", non_retryable=True)
        metadata = RoomMetadata(
            agent_id=order.assistant_id, call_id=order.call_id, generation=order.generations
        )
        await self._livekit.room.update_room_metadata(
            api.UpdateRoomMetadataRequest(room=order.room_name, metadata=metadata.to_json())
        )

    async def _remove_older(self, order: DispatchAgent) -> None:
        present = await self._livekit.room.list_participants(
            api.ListParticipantsRequest(room=order.room_name)
        )
        for participant in present.participants:
            agent = parse_agent_identity(participant.identity)
            if agent and agent[0] is order.agent.role and agent[1] < order.agent.generation:
                await self._livekit.room.remove_participant(
                    api.RoomParticipantIdentity(room=order.room_name, identity=participant.identity)
                )
