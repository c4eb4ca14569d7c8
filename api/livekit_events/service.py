"""What becomes of a verified event: a signal to the call that it belongs to, or nothing."""

from __future__ import annotations

from datetime import UTC, datetime

import structlog
from livekit import api as livekit_api
from livekit.protocol.webhook import WebhookEvent
from prometheus_client import Counter
from structlog.contextvars import bind_contextvars

from api.installation.webhook_probe import answer_webhook_probe, is_webhook_probe
from api.livekit_events.adoption import SeenRoom, adopt, is_ours, tell_adopted
from api.livekit_events.facts import (
    egress_seen_of,
    fact_of,
    has_unkeepable_name,
    participant_of,
)
from api.parts import Parts
from contract.calls import CallRequest, CallStatus, Direction, Provider
from contract.facts import FACT_SIGNAL, Fact, FactKind
from contract.identity import is_call_id, recording_workflow_id
from contract.recordings import EgressStatus
from store.calls import Calls, OpenCall
from store.erasures import Erasures
from store.recordings import Recordings

WEBHOOKS = Counter(
    "livekit_webhooks_total",
    "Verified webhooks: told to a call, late for it, or ignored (nobody's, or of no interest)",
    ["event", "outcome"],
)

_ABORTED = "participant_connection_aborted"

_EVENTS = frozenset(
    {
        "room_started",
        "room_finished",
        "participant_joined",
        "participant_left",
        "participant_connection_aborted",
        "track_published",
        "track_unpublished",
        "egress_started",
        "egress_updated",
        "egress_ended",
    }
)

log = structlog.get_logger()


class LiveKitEvents:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def take(self, event: WebhookEvent) -> SeenRoom | None:
        """Raises TemporalAway, so that LiveKit tells it again. Returns a room to be closed: one
        that somebody reopened after its call."""
        if has_unkeepable_name(event):
            _ignore(event)
            return None
        if event.event.startswith("egress_"):
            await self._take_egress(event)
            return None
        if event.event == "room_started" and is_webhook_probe(event.room.name):
            await answer_webhook_probe(self._parts, event.room.name)
            return None
        room = SeenRoom(event.room.name, event.room.sid, event.room.metadata)
        fact = fact_of(event, datetime.now(UTC))
        if fact is None:
            if event.event == _ABORTED and await self._was_reopened(room):
                return room
            _ignore(event)
            return None
        call = await self._open_call(room.name)
        if call is not None:
            await self._tell(event, call, fact)
        elif _is_human_joining(event, fact):
            return await self._take_arrival(event, room, fact)
        elif fact.kind is FactKind.PARTICIPANT_JOINED and await self._was_reopened(room):
            return room
        elif is_call_id(room.name) and await self._was_ours(room.name):
            _late(event, room.name)
        else:
            _ignore(event)
        return None

    async def _take_arrival(
        self, event: WebhookEvent, room: SeenRoom, fact: Fact
    ) -> SeenRoom | None:
        """Somebody joined a room that has no open call."""
        if is_call_id(room.name):
            if await self._was_ours(room.name):
                return room
            _ignore(event)
        elif await is_ours(self._parts, room):
            await adopt(self._parts, room, participant_of(event))
            call = await self._open_call(room.name)
            if call is not None:
                await self._tell(event, call, fact)
            else:
                _late(event)
        else:
            _ignore(event)
        return None

    async def close_room(self, room: SeenRoom) -> None:
        """Nobody answers in a room whose call is over."""
        try:
            await self._parts.livekit.room.delete_room(
                livekit_api.DeleteRoomRequest(room=room.name)
            )
            log.info("reopened_room_closed", call_id=room.name)
        except Exception as error:  # whatever it is, the caller waits in silence and leaves
            log.warning("reopened_room_stays", call_id=room.name, error=type(error).__name__)

    async def _tell(self, event: WebhookEvent, call: OpenCall, fact: Fact) -> None:
        bind_contextvars(call_id=call.call_id)
        is_adopted = call.call_id != call.room_name
        if is_adopted and call.status is CallStatus.QUEUED:
            was_told = await tell_adopted(self._parts, _request_of(call), fact)
        else:
            was_told = await self._parts.workflows.signal(call.call_id, FACT_SIGNAL, fact.to_dict())
        if was_told:
            _count(event, "told")
        else:
            _late(event, call.call_id)

    async def _take_egress(self, event: WebhookEvent) -> None:
        call_id = await self._call_of_egress(
            event.egress_info.room_name, event.egress_info.egress_id
        )
        if call_id is None:
            _ignore(event)
            return
        bind_contextvars(call_id=call_id)
        seen = egress_seen_of(event.egress_info)
        if not EgressStatus(seen["status"]).is_final:
            _ignore(event)
            return  # its recording looks by itself; each signal would cost it four events
        async with self._parts.database.session() as session:
            await Erasures(session).a_file_may_have_come(call_id)
        workflow_id = recording_workflow_id(call_id)
        if await self._parts.workflows.signal(workflow_id, "egress", seen):
            _count(event, "told")
        else:
            _late(event, call_id)

    async def _call_of_egress(self, room_name: str, egress_id: str) -> str | None:
        async with self._parts.database.reader() as session:
            if is_call_id(room_name):
                row = await Calls(session).get(room_name)
                return row.call_id if row is not None else None
            # A name may be another call's by now, an egress id never is.
            recording = await Recordings(session).by_egress(egress_id)
            if recording is not None:
                return recording.call_id
            call = await Calls(session).open_call_in_room(room_name)
            return call.call_id if call is not None else None

    async def _open_call(self, room_name: str) -> OpenCall | None:
        async with self._parts.database.reader() as session:
            return await Calls(session).open_call_in_room(room_name)

    async def _was_reopened(self, room: SeenRoom) -> bool:
        """An agent that joins after its call's room was closed opens it anew (`auto_create`), and
        leaves it open when it gives up while it connects.

        In the first room it may stay: the recording of a call that is over ends there.
        """
        if not is_call_id(room.name):
            return False
        async with self._parts.database.reader() as session:
            row = await Calls(session).get(room.name)
        if row is None or row.status != CallStatus.ENDED:
            return False
        return row.room_sid not in ("", room.sid)

    async def _was_ours(self, call_id: str) -> bool:
        async with self._parts.database.reader() as session:
            return await Calls(session).get(call_id) is not None


def _request_of(call: OpenCall) -> CallRequest:
    by_phone = call.direction is Direction.INBOUND
    return CallRequest(
        call_id=call.call_id,
        tenant_id=call.tenant_id,
        direction=call.direction,
        provider=Provider.LIVEKIT_SIP if by_phone else Provider.WEB,
        room_name=call.room_name,
        requested_at=call.started_at,
        adopted=True,
        human_identity=call.human_identity,
    )


def _is_human_joining(event: WebhookEvent, fact: Fact) -> bool:
    return fact.kind is FactKind.PARTICIPANT_JOINED and participant_of(event).is_human


def _ignore(event: WebhookEvent) -> None:
    _count(event, "ignored")


def _late(event: WebhookEvent, call_id: str = "") -> None:
    _count(event, "late")
    log.info("event_of_a_call_that_is_over", kind=event.event, call_id=call_id)


def _count(event: WebhookEvent, outcome: str) -> None:
    # Only names that LiveKit has today: a label must not grow with whatever is sent.
    WEBHOOKS.labels(event.event if event.event in _EVENTS else "other", outcome).inc()
