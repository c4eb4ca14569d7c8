"""Runs in bridge processes (`worker_main.py --queue bridge`) and nowhere else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.dialling_desk import DiallingDesk, heartbeats
from bridge.addresses import in_uri
from bridge.room import NotDialled as NoLeg
from bridge.room import RoomCall, RoomLeg, RoomLegs, Teller
from bridge.sip import Credentials
from contract.phone import PHONE_THERE_ERROR, Dialled, DialPhone, NotDialled
from contract.steps import Step
from store.trunks import StoredTrunk

_TYPES = {
    "phone-there": PHONE_THERE_ERROR,
    "room-gone": NotDialled.ROOM_GONE.value,
    "livekit-away": NotDialled.LIVEKIT_AWAY.value,
    "shutdown": NotDialled.SHUTDOWN.value,
}

MakeTeller = Callable[[str, Callable[[], None]], Teller]
"""(call_id, what to do when the call is over and takes no more) -> its teller."""

log = structlog.get_logger()


class PhoneLegActivities:
    """Dials. The leg that comes of it is the process' own and outlives the activity."""

    def __init__(self, desk: DiallingDesk, legs: RoomLegs, tell: MakeTeller) -> None:
        self._desk = desk
        self._legs = legs
        self._tell = tell

    @activity.defn(name=Step.DIAL_PHONE)
    async def dial_phone(self, order: DialPhone) -> Dialled:
        """Returns when the INVITE has its final answer. Cancelled before it, CANCELs, and returns
        what came of that: the far side may have answered meanwhile."""
        async with heartbeats():
            trunk = await self._desk.trunk(order.tenant_id, order.phone.trunk_id)
            call = self._room_call(order, trunk)
            await self._desk.wait_for_turn(order)
            return await _outcome(await self._dial(call))

    def _room_call(self, order: DialPhone, trunk: StoredTrunk) -> RoomCall:
        phone, config = order.phone, trunk.config
        login = self._desk.login(trunk)
        host, port, transport = in_uri(config["host"]), config["port"], config["transport"]
        return RoomCall(
            call_id=order.call_id,
            room_name=order.room_name,
            target=f"sip:{phone.to_number}@{host}:{port};transport={transport}",
            to_number=phone.to_number,
            from_number=phone.from_number or config.get("from_number") or "",
            trunk_id=trunk.id,
            hostname=config["host"],
            credentials=Credentials(*login) if login else None,
            # Keys are events wherever the far side takes them, so they are no codec to choose.
            codecs=tuple(name for name in config["codecs"] if name != "telephone-event"),
            ringing_timeout=phone.ringing_timeout_seconds,
            max_duration=order.max_duration_seconds,
            dtmf=phone.dtmf,
            headers=phone.headers,
            attributes=phone.attributes,
        )

    async def _dial(self, call: RoomCall) -> RoomLeg:
        left: list[RoomLeg] = []

        def hang_up() -> None:
            """Its workflow was terminated: nobody else would ever end it."""
            for leg in left:
                leg.cancel()

        teller = self._tell(call.call_id, hang_up)
        try:
            leg = await self._legs.dial(call, teller)
        except BaseException as error:
            await teller.aclose()
            if isinstance(error, NoLeg):
                kind = _TYPES.get(error.code, NotDialled.TRUNK_UNUSABLE.value)
                raise ApplicationError(str(error), type=kind, non_retryable=True) from error
            raise
        left.append(leg)
        return leg


async def _outcome(leg: RoomLeg) -> Dialled:
    try:
        answered_at = await leg.decided()
    except asyncio.CancelledError:
        log.info("dialling_cancelled")
        leg.cancel()
        answered_at = await leg.decided()
    if answered_at is not None:
        return Dialled(answered_at=answered_at)
    return Dialled(refused=await leg.ended())
