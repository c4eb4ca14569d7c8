"""All legs of a process."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine
from typing import Any

from bridge.ladder.masking import mask_text
from bridge.legs import Bridge, BridgeClosing, Leg
from bridge.room import metrics
from bridge.room.access import LiveKitAccess
from bridge.room.errors import NoLine, NoNewLegs, PhoneThere
from bridge.room.ladders import Ladders
from bridge.room.leg import RoomLeg
from bridge.room.options import RoomLegOptions
from bridge.room.order import RoomCall, Teller
from bridge.room.presence import Presence
from bridge.rtp import PortsExhausted
from bridge.rtp.ticker import Ticker
from bridge.sdp import codecs_named

_LEAVING = 1.0  # s


class RoomLegs:
    """One a process, over a bridge that is started."""

    def __init__(self, bridge: Bridge, livekit: LiveKitAccess, options: RoomLegOptions) -> None:
        """Within the event loop that carries the calls."""
        self._bridge = bridge
        self._livekit = livekit
        self._options = options
        self._legs: set[RoomLeg] = set()
        self._rooms: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._closing = self._hangs_up = False
        self._empty = asyncio.Event()
        self._empty.set()
        self._ladders: Ladders | None = None
        if options.ladder_folder is not None:
            self._ladders = Ladders(options.ladder_folder)
            bridge.sip_taps.append(self._ladders)
        metrics.watch(Ticker.of_loop())

    @property
    def legs(self) -> tuple[RoomLeg, ...]:
        """Those whose phone is in its room."""
        return tuple(self._legs)

    async def dial(self, call: RoomCall, teller: Teller) -> RoomLeg:
        """Joins the room as `phone`, then sends the INVITE. Raises NotDialled (PhoneThere,
        RoomGone, LiveKitAway, NoLine, NoNewLegs): nothing was sent and nothing is told then.
        Cancelled meanwhile it leaves the room, and nothing was sent either."""
        self._may_begin()
        if call.room_name in self._rooms:
            raise PhoneThere("This process has a phone in that room already.")
        try:
            codecs = codecs_named(call.codecs) if call.codecs else self._bridge.options.codecs
        except ValueError as error:
            raise NoLine(str(error)) from None
        presence = Presence(self._livekit, call, codecs, self._options)
        self._rooms.add(call.room_name)
        self._empty.clear()
        try:
            await presence.enter()
            self._may_begin()
            leg = await self._invite(call)
        except BaseException:
            leaving = self._keep(self._give_up(call.room_name, presence))
            await asyncio.wait({leaving}, timeout=_LEAVING)
            raise
        # No await from the INVITE to here: whatever the far side says is heard.
        return self._begin(RoomLeg(leg, call, presence, teller, self._options), call)

    async def nobody(self) -> None:
        """Returns when no phone of ours is in any room."""
        await self._empty.wait()

    async def drain(self, patience: float) -> None:
        """No new legs. Waits `patience` seconds for those that last to end by themselves, then
        ends them with reason `shutdown`. Returns when each is over and all is told."""
        self._closing = True
        try:
            async with asyncio.timeout(patience):
                await self.nobody()
        except TimeoutError:
            await self._hang_up_all()
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def _hang_up_all(self) -> None:
        self._hangs_up = True
        for leg in self.legs:
            leg.cancel("shutdown")
        try:
            async with asyncio.timeout(self._bridge.options.drain):
                await self.nobody()
        except TimeoutError:
            for leg in self.legs:
                leg.abandon()
            await self.nobody()

    def _may_begin(self) -> None:
        if self._closing:
            raise NoNewLegs("The bridge is being shut down.")

    async def _invite(self, call: RoomCall) -> Leg:
        try:
            return await self._bridge.dial(
                call.target,
                caller=call.from_number or None,
                headers=call.headers or None,
                credentials=call.credentials,
                codecs=codecs_named(call.codecs) if call.codecs else (),
                ringing_timeout=call.ringing_timeout,
                max_duration=call.max_duration,
                accept_transfers=True,  # they are told in the room, and refused
            )
        except BridgeClosing:
            raise NoNewLegs("The bridge is being shut down.") from None
        except (ValueError, OSError, PortsExhausted) as error:
            raise NoLine(f"The far side cannot be called: {mask_text(str(error))}") from None

    def _begin(self, leg: RoomLeg, call: RoomCall) -> RoomLeg:
        self._legs.add(leg)
        sip_call_id = leg.leg.call.call_id
        if self._ladders is not None:
            self._ladders.claim(sip_call_id)
        leg.start()
        if self._hangs_up:
            leg.cancel("shutdown")
        self._keep(self._follow(leg, call, sip_call_id))
        return leg

    async def _follow(self, leg: RoomLeg, call: RoomCall, sip_call_id: str) -> None:
        await leg.ended()
        self._legs.discard(leg)
        self._left(call.room_name)
        if self._ladders is not None:
            # With the far side's word about our BYE, if that comes soon.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._options.goodbye_patience):
                    await leg.leg.parted()
            await self._ladders.write(sip_call_id, call.call_id)
        await leg.closed()

    async def _give_up(self, room_name: str, presence: Presence) -> None:
        await presence.leave()
        self._left(room_name)

    def _left(self, room_name: str) -> None:
        self._rooms.discard(room_name)
        if not self._rooms:
            self._empty.set()

    def _keep(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task
