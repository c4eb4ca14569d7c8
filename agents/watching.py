"""An agent's eye on the others of its call: who falls silent without leaving is told as a fact."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any

import aiohttp
from livekit import api, rtc
from livekit.agents import JobContext

from agents.alive import PING_PATIENCE, Watch
from agents.current import is_current
from contract.facts import FactKind
from contract.identity import AgentRole, parse_agent_identity
from contract.rooms import PING_RPC, SipAttribute, Topic

log = logging.getLogger(__name__)

# A little less than Watch waits, so that the answer is ours and not a timeout.
_DECIDED_AFTER = PING_PATIENCE * 0.95
# After these nobody has answered. Whatever else an RPC fails with came from the other side.
_NO_ANSWER = {
    rtc.RpcError.ErrorCode.CONNECTION_TIMEOUT,
    rtc.RpcError.ErrorCode.RESPONSE_TIMEOUT,
    rtc.RpcError.ErrorCode.RECIPIENT_DISCONNECTED,
    rtc.RpcError.ErrorCode.RECIPIENT_NOT_FOUND,
    rtc.RpcError.ErrorCode.SEND_FAILED,
}


class CallWatch:
    """Watches the phone, if the human is one, and the call's current agent of the role `watches`.
    Each agent watches the other."""

    def __init__(
        self,
        ctx: JobContext,
        human_identity: str,
        call_id: str,
        tell: Callable[[FactKind, dict[str, Any]], None],
        *,
        watches: AgentRole,
    ) -> None:
        self._ctx = ctx
        self._room = ctx.room
        self._human_identity = human_identity
        self._call_id = call_id
        self._tell = tell
        self._watches = watches
        self._watch = Watch(ping=self._ping, can_hear=self._is_connected, on_lost=self._lost)

    def start(self) -> None:
        self._room.on("data_received", self._received)
        self._room.on("participant_connected", self._joined)
        self._room.on("participant_disconnected", self._left)
        self._watch.start()
        for participant in self._room.remote_participants.values():
            self._joined(participant)

    async def aclose(self) -> None:
        self._room.off("participant_connected", self._joined)
        self._room.off("participant_disconnected", self._left)
        self._room.off("data_received", self._received)
        await self._watch.aclose()

    def _received(self, packet: rtc.DataPacket) -> None:
        sender = packet.participant
        if packet.topic != Topic.AGENT_ALIVE or sender is None:
            return
        if self._is_phone(sender) or self._is_current(sender.identity):
            self._watch.beat(sender.identity)

    def _joined(self, participant: rtc.RemoteParticipant) -> None:
        # The bridge's phone beats from its first moment on, so its coming is the first sign: the
        # bridge may die before it has dialled. livekit-sip's phones have ids of its own here.
        is_ours = participant.attributes.get(SipAttribute.CALL_ID) == self._call_id
        if is_ours and self._is_phone(participant):
            self._watch.beat(participant.identity)

    def _left(self, participant: rtc.RemoteParticipant) -> None:
        self._watch.forget(participant.identity)

    def _is_phone(self, participant: rtc.RemoteParticipant) -> bool:
        return (
            participant.identity == self._human_identity
            and participant.kind == rtc.ParticipantKind.PARTICIPANT_KIND_SIP
        )

    def _is_current(self, identity: str) -> bool:
        return is_current(self._room, identity, self._watches)

    def _is_connected(self) -> bool:
        return self._room.connection_state == rtc.ConnectionState.CONN_CONNECTED

    def _lost(self, identity: str, last_heard_at: datetime) -> None:
        log.warning("somebody fell silent", extra={"silent_since": last_heard_at.isoformat()})
        if identity == self._human_identity:
            self._tell(FactKind.PHONE_LOST, {"last_heard_at": last_heard_at.isoformat()})
        elif self._is_current(identity) and (agent := parse_agent_identity(identity)):
            role, generation = agent
            self._tell(FactKind.AGENT_LOST, {"role": role.value, "generation": generation})

    async def _ping(self, identity: str) -> bool | None:
        """None when LiveKit itself does not answer us: then we may be the one who is cut off."""
        answering = asyncio.create_task(self._answers(identity))
        listing = asyncio.create_task(self._is_listed(identity))
        loop = asyncio.get_running_loop()
        decided_at = loop.time() + _DECIDED_AFTER
        try:
            await asyncio.wait({answering}, timeout=_DECIDED_AFTER)
            if answering.done() and answering.result():
                return True
            await asyncio.wait({listing}, timeout=decided_at - loop.time())
            return False if listing.done() and listing.result() else None
        finally:
            answering.cancel()
            listing.cancel()
            await asyncio.gather(answering, listing, return_exceptions=True)

    async def _answers(self, identity: str) -> bool:
        try:
            await self._room.local_participant.perform_rpc(
                destination_identity=identity,
                method=PING_RPC,
                payload="{}",
                response_timeout=PING_PATIENCE,
                max_round_trip_latency=PING_PATIENCE,
            )
        except rtc.RpcError as failed:
            return failed.code not in _NO_ANSWER
        return True

    async def _is_listed(self, identity: str) -> bool:
        """Whether LiveKit says that this participant is in the room: False also when it says
        nothing. Who left properly is not lost."""
        try:
            found = await self._ctx.api.room.list_participants(
                api.ListParticipantsRequest(room=self._room.name)
            )
        except (api.TwirpError, aiohttp.ClientError, TimeoutError):
            return False
        return any(participant.identity == identity for participant in found.participants)
