"""Looks at the rooms of open calls and tells a call what its webhooks may have failed to tell."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import structlog
from livekit import api
from temporalio import activity
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from activities.livekit_errors import livekit_errors
from activities.orphans import Orphans
from activities.room_rounds import Outside, Rounds
from activities.who_is_there import find_human, is_there
from contract.calls import CallStatus, Direction
from contract.facts import FACT_SIGNAL, Fact, FactKind, FactSource
from contract.identity import AgentRole
from contract.steps import Step, WatchRooms
from store.calls import Calls, OpenCall
from store.database import Database

# Webhooks come within milliseconds; what the store has not heard of for this long got lost.
_PATIENCE_SECONDS = 4.0
_AT_ONCE = 8  # requests to LiveKit or Temporal
# A group of them takes no longer than that, so a heartbeat before each comes in time.
_EACH_SECONDS = 4.0
# One LiveKit server compares every name with every room (63 ms of its CPU time for a thousand of
# each, 5 ms for all rooms): so many are asked for by name, more with all the others.
_BY_NAME = 100
_ORPHAN_AGE = timedelta(minutes=1)
_IN_TALK = frozenset({CallStatus.IN_PROGRESS, CallStatus.ON_HOLD})

log = structlog.get_logger()


@dataclass(slots=True)
class Sighting:
    """What one look at a call's room found to be at odds with the store."""

    kind: FactKind
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Oddity:
    """What a call and its room are at odds about, and since when."""

    kind: FactKind
    first: float  # by the monotonic clock
    fact_id: str  # the same until it is told: a signal whose answer got lost may have arrived


@dataclass(slots=True)
class Oddities:
    since: dict[str, Oddity] = field(default_factory=dict)

    def ripe(self, call_id: str, found: Sighting | None, now: float) -> Oddity | None:
        """The oddity, once it has lasted, at every look until `told`."""
        if found is None:
            self.since.pop(call_id, None)
            return None
        odd = self.since.get(call_id)
        if odd is None or odd.kind is not found.kind:
            fact_id = f"watch/{found.kind.value}/{datetime.now(UTC).timestamp():.3f}"
            odd = self.since[call_id] = Oddity(found.kind, now, fact_id)
        return odd if now - odd.first >= _PATIENCE_SECONDS else None

    def told(self, call_id: str) -> None:
        """Its clock starts anew: what is still so then is worth telling once more."""
        self.since.pop(call_id, None)

    def forget_all_but(self, call_ids: set[str]) -> None:
        self.since = {key: odd for key, odd in self.since.items() if key in call_ids}


class RoomWatchActivities:
    def __init__(
        self, livekit: api.LiveKitAPI, database: Database, temporal: Client, orphans: Orphans
    ) -> None:
        self._livekit = livekit
        self._database = database
        self._temporal = temporal
        self._orphans = orphans

    @activity.defn(name=Step.WATCH_ROOMS)
    async def watch_rooms(self, order: WatchRooms) -> None:
        """One shift. Ends early when its worker shuts down, so that another can take over."""
        oddities, rounds = Oddities(), Rounds()
        ends = time.monotonic() + order.shift
        while time.monotonic() < ends and not activity.is_worker_shutdown():
            with livekit_errors("list rooms"):
                await self._look_around(oddities, rounds)
            activity.heartbeat()
            await asyncio.sleep(order.interval)

    async def _look_around(self, oddities: Oddities, rounds: Rounds) -> None:
        async with self._database.reader() as session:
            calls = await Calls(session).open_calls()
        open_now = {call.call_id for call in calls}
        oddities.forget_all_but(open_now)
        rounds.forget_all_but(open_now)
        if not calls:
            return
        names = [call.room_name for call in calls] if len(calls) <= _BY_NAME else []
        listed = await self._livekit.room.list_rooms(api.ListRoomsRequest(names=names))
        rooms = {room.name: room for room in listed.rooms}
        due: list[tuple[OpenCall, api.Room]] = []
        from_outside: list[tuple[OpenCall, Sighting | None]] = []
        for call in calls:
            room = rooms.get(call.room_name)
            if room is None:
                from_outside.append((call, _without_room(call)))
            elif rounds.is_due(call.call_id, _outside(call, room), time.monotonic()):
                due.append((call, room))
            else:
                from_outside.append((call, None))
        await self._judge(from_outside, oddities)
        for first in range(0, len(due), _AT_ONCE):
            activity.heartbeat()
            some = due[first : first + _AT_ONCE]
            visits = await asyncio.gather(*(self._visit(call, room, rounds) for call, room in some))
            await self._judge([seen for seen in visits if seen is not None], oddities)

    async def _visit(
        self, call: OpenCall, room: api.Room, rounds: Rounds
    ) -> tuple[OpenCall, Sighting | None] | None:
        """None: LiveKit did not say, and the next look asks again."""
        try:
            async with asyncio.timeout(_EACH_SECONDS):
                found = await self._go_in(call, room)
        except (api.ServerError, aiohttp.ClientError, TimeoutError) as error:
            log.warning("room_watch_cannot_see", call_id=call.call_id, error=type(error).__name__)
            return None
        seen, odd = _outside(call, room), found is not None
        rounds.visited(call.call_id, seen, time.monotonic(), was_odd=odd)
        return call, found

    async def _judge(
        self, seen: Iterable[tuple[OpenCall, Sighting | None]], oddities: Oddities
    ) -> None:
        """Tell the calls whose oddity has lasted. When LiveKit restarts, that is all of them."""
        now = time.monotonic()
        ripe: list[tuple[OpenCall, Sighting, Oddity]] = []
        for call, found in seen:
            odd = oddities.ripe(call.call_id, found, now)
            if odd is not None and found is not None:
                ripe.append((call, found, odd))
        for first in range(0, len(ripe), _AT_ONCE):
            activity.heartbeat()
            some = ripe[first : first + _AT_ONCE]
            heard = await asyncio.gather(
                *(self._tell(call, found, odd.fact_id) for call, found, odd in some)
            )
            for (call, _, _), was_told in zip(some, heard, strict=True):
                if was_told:
                    oddities.told(call.call_id)

    async def _go_in(self, call: OpenCall, room: api.Room) -> Sighting | None:
        present = await self._livekit.room.list_participants(
            api.ListParticipantsRequest(room=call.room_name)
        )
        human = find_human(call, present.participants)
        if call.status in _IN_TALK and human is None:
            return Sighting(FactKind.HUMANS_GONE, {"room_sid": room.sid})
        alone = call.status in _IN_TALK and not is_there(AgentRole.ATLAS, present.participants)
        if alone:
            # Its leaving was told by a webhook that got lost, or LiveKit restarted without it.
            return Sighting(FactKind.AGENTS_GONE, {"roles": [AgentRole.ATLAS.value]})
        # A phone is in its room before it rings; whether it was answered its bridge tells.
        is_web = call.direction is Direction.WEB
        if is_web and call.status is CallStatus.QUEUED and human is not None:
            return Sighting(FactKind.HUMANS_PRESENT, human.to_data())
        return None

    async def _tell(self, call: OpenCall, found: Sighting, fact_id: str) -> bool:
        """False: this call cannot be told now. It must not keep the others from being told."""
        at = datetime.now(UTC)
        fact = Fact(id=fact_id, source=FactSource.WATCH, kind=found.kind, at=at, data=found.data)
        handle = self._temporal.get_workflow_handle(call.call_id)
        try:
            async with asyncio.timeout(_EACH_SECONDS):
                if found.kind is FactKind.ROOM_GONE and call.status not in _IN_TALK:
                    # Nothing to tell: its room may not be there yet. Is there anybody to open it?
                    await handle.describe()  # raises when there is none
                    return True
                log.info("room_watch_tells", call_id=call.call_id, kind=found.kind.value)
                await handle.signal(FACT_SIGNAL, fact.to_dict())
        except TimeoutError:
            log.warning("room_watch_cannot_tell", call_id=call.call_id, error="no answer")
            return False
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                log.warning("room_watch_cannot_tell", call_id=call.call_id, error=error.status.name)
                return False
            return await self._close_orphan(call, at)
        return True

    async def _close_orphan(self, call: OpenCall, at: datetime) -> bool:
        """An open row of whose workflow Temporal knows nothing. One that is closed, as who tells
        learns too, is the janitor's: its history says how and when the call ended. False: who knows
        which of the two it is cannot be asked now."""
        if at - call.started_at < _ORPHAN_AGE:
            return True  # the API may be about to start it
        try:
            async with asyncio.timeout(_EACH_SECONDS):
                await self._temporal.get_workflow_handle(call.call_id).describe()
                return True
        except TimeoutError:
            return False
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                return False
        await self._orphans.finish(call.call_id, at)
        return True


def _without_room(call: OpenCall) -> Sighting | None:
    # A call that is queued may be about to open its room, and its own timers end it: if it has any,
    # which one that its API died with before starting it has not.
    is_overdue = datetime.now(UTC) - call.started_at > _ORPHAN_AGE
    return Sighting(FactKind.ROOM_GONE, {}) if call.status in _IN_TALK or is_overdue else None


def _outside(call: OpenCall, room: api.Room) -> Outside:
    return Outside(room.sid, room.num_participants, room.num_publishers, call.status)
