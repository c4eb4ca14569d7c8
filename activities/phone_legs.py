"""Runs in bridge processes (`worker_main.py --queue bridge`) and nowhere else."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime

import structlog
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.store_errors import not_dialled, store_must_answer, trunk_errors_are_final
from bridge.addresses import in_uri
from bridge.room import NotDialled as NoLeg
from bridge.room import RoomCall, RoomLeg, RoomLegs, Teller
from bridge.sip import Credentials
from contract.phone import PHONE_THERE_ERROR, Dialled, DialPhone, NotDialled
from contract.steps import Step
from engine.sealing import Sealing
from store.database import Database
from store.errors import TrunkDisabled, TrunkUnknown
from store.lines import Lines
from store.trunks import StoredTrunk, Trunks, password_place

_BEAT_SECONDS = 1.0
# Less than the workflow lets dialling take beside the ringing.
_LONGEST_PAUSE = 40.0

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

    def __init__(
        self, database: Database, sealing: Sealing | None, legs: RoomLegs, tell: MakeTeller
    ) -> None:
        """`sealing`: None where there are no payload keys, and so no passwords of trunks."""
        self._database = database
        self._sealing = sealing
        self._legs = legs
        self._tell = tell

    @activity.defn(name=Step.DIAL_PHONE)
    async def dial_phone(self, order: DialPhone) -> Dialled:
        """Returns when the INVITE has its final answer. Cancelled before it, CANCELs, and returns
        what came of that: the far side may have answered meanwhile."""
        async with _heartbeats():
            with store_must_answer(), trunk_errors_are_final():
                call = self._room_call(order, await self._trunk(order))
                pause = await self._reserve(order)
            if pause > _LONGEST_PAUSE:
                raise not_dialled(
                    NotDialled.TRUNK_BUSY, "Too many calls wait for their turn on the trunk."
                )
            await asyncio.sleep(pause)
            return await _outcome(await self._dial(call))

    async def _trunk(self, order: DialPhone) -> StoredTrunk:
        async with self._database.reader() as session:
            trunk = await Trunks(session).get(order.tenant_id, order.phone.trunk_id)
        if trunk is None:
            raise TrunkUnknown(order.phone.trunk_id)
        if not trunk.config["enabled"]:
            raise TrunkDisabled(order.phone.trunk_id)
        return trunk

    async def _reserve(self, order: DialPhone) -> float:
        """Seconds until the trunk takes another call, whichever process starts it."""
        async with self._database.session() as session:
            return await Lines(session).may_dial(
                order.tenant_id, order.phone.trunk_id, order.call_id, datetime.now(UTC)
            )

    def _room_call(self, order: DialPhone, trunk: StoredTrunk) -> RoomCall:
        phone, config = order.phone, trunk.config
        host, port, transport = in_uri(config["host"]), config["port"], config["transport"]
        return RoomCall(
            call_id=order.call_id,
            room_name=order.room_name,
            target=f"sip:{phone.to_number}@{host}:{port};transport={transport}",
            to_number=phone.to_number,
            from_number=phone.from_number or config.get("from_number") or "",
            trunk_id=trunk.id,
            hostname=config["host"],
            credentials=self._credentials(trunk),
            # Keys are events wherever the far side takes them, so they are no codec to choose.
            codecs=tuple(name for name in config["codecs"] if name != "telephone-event"),
            ringing_timeout=phone.ringing_timeout_seconds,
            max_duration=order.max_duration_seconds,
            dtmf=phone.dtmf,
            headers=phone.headers,
            attributes=phone.attributes,
        )

    def _credentials(self, trunk: StoredTrunk) -> Credentials | None:
        auth = trunk.config.get("auth")
        if not auth:
            return None
        if self._sealing is None or trunk.sealed_password is None:
            raise _unusable("The trunk's password cannot be read: there is no payload key for it.")
        place = password_place(trunk.tenant_id, trunk.id)
        try:
            password = self._sealing.open(trunk.sealed_password, place)
        except ValueError as error:
            raise _unusable(f"The trunk's password cannot be read: {error}") from error
        return Credentials(auth["username"], password)

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


@contextlib.asynccontextmanager
async def _heartbeats() -> AsyncIterator[None]:
    """So that the activity learns of its cancellation; that nobody hears them cancels nothing."""

    async def beat() -> None:
        while True:
            activity.heartbeat()
            await asyncio.sleep(_BEAT_SECONDS)

    beating = asyncio.create_task(beat())
    try:
        yield
    finally:
        beating.cancel()


def _unusable(sentence: str) -> ApplicationError:
    return not_dialled(NotDialled.TRUNK_UNUSABLE, sentence)
