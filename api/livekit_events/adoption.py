"""A call that no request announced: somebody joined a room of ours, so there is a call."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from api.parts import Parts
from api.temporal_errors import TemporalAway
from contract.calls import CallRequest, Direction, Provider
from contract.facts import Fact, ParticipantKind, ParticipantSeen
from contract.identity import DEFAULT_TENANT, call_id_for_key
from contract.rooms import RoomMetadata
from store.assistants import Assistants
from store.calls import Calls, NewCall
from store.errors import DuplicateCall, RoomTaken


@dataclass(frozen=True, slots=True)
class SeenRoom:
    name: str
    sid: str
    metadata: str


async def is_ours(parts: Parts, room: SeenRoom) -> bool:
    """By its name, or because its metadata names an assistant of ours.

    Any plain text may stand in the metadata of another application's room; a room that is not ours
    is never touched.
    """
    if room.name.startswith(parts.settings.adopt_rooms):
        return True
    agent_id = RoomMetadata.parse(room.metadata).agent_id
    if not agent_id:
        return False
    async with parts.database.reader() as session:
        return await Assistants(session).find(agent_id) is not None


async def adopt(parts: Parts, room: SeenRoom, joined: ParticipantSeen) -> None:
    """Give the room its call's row. Of parallel attempts one writes it."""
    by_phone = joined.participant_kind is ParticipantKind.SIP
    call = NewCall(
        # From the room itself, so that its join, told again after the call has ended, meets a used
        # id instead of starting a ghost.
        call_id=call_id_for_key("livekit-room", f"{room.name}\0{room.sid}"),
        tenant_id=DEFAULT_TENANT,
        direction=Direction.INBOUND if by_phone else Direction.WEB,
        provider=Provider.LIVEKIT_SIP if by_phone else Provider.WEB,
        room_name=room.name,
        room_sid=room.sid,
        human_identity=joined.identity,
        started_at=datetime.now(UTC),
    )
    try:
        async with parts.database.session() as session:
            await Calls(session).insert(call)
    except (DuplicateCall, RoomTaken):
        return


async def tell_adopted(parts: Parts, request: CallRequest, fact: Fact) -> bool:
    """Signal with start: whoever comes first starts the call. False when it is over."""
    try:
        return await parts.workflows.signal_with_start(request, fact)
    except TemporalAway:
        # The row stays. LiveKit tells it again for half a minute, we until Temporal is back.
        async def again() -> None:
            await parts.workflows.signal_with_start(request, fact)

        parts.until_answered.keep(request.call_id, again)
        raise
