"""What the store says to a call that is about to be dialled, whoever dials it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.store_errors import not_dialled, store_must_answer, trunk_errors_are_final
from contract.phone import DialPhone, NotDialled
from engine.sealing import Sealing
from store.database import Database
from store.errors import TrunkDisabled, TrunkUnknown
from store.lines import Lines
from store.trunks import StoredTrunk, Trunks, password_place

_BEAT_SECONDS = 1.0
# Less than the workflow lets dialling take beside the ringing.
_LONGEST_PAUSE = 40.0


class DiallingDesk:
    """All of it raises ApplicationError of a type of NotDialled: nothing was sent to anybody."""

    def __init__(self, database: Database, sealing: Sealing | None) -> None:
        """`sealing`: None where there are no payload keys, and so no passwords of trunks."""
        self._database = database
        self._sealing = sealing

    async def trunk(self, tenant_id: str, trunk_id: str) -> StoredTrunk:
        with store_must_answer(), trunk_errors_are_final():
            async with self._database.reader() as session:
                trunk = await Trunks(session).get(tenant_id, trunk_id)
            if trunk is None:
                raise TrunkUnknown(trunk_id)
            if not trunk.config["enabled"]:
                raise TrunkDisabled(trunk_id)
            return trunk

    async def wait_for_turn(self, order: DialPhone) -> None:
        """Returns when the trunk takes another call, whichever process starts it."""
        with store_must_answer(), trunk_errors_are_final():
            async with self._database.session() as session:
                pause = await Lines(session).may_dial(
                    order.tenant_id, order.phone.trunk_id, order.call_id, datetime.now(UTC)
                )
        if pause > _LONGEST_PAUSE:
            raise not_dialled(
                NotDialled.TRUNK_BUSY, "Too many calls wait for their turn on the trunk."
            )
        await asyncio.sleep(pause)

    def login(self, trunk: StoredTrunk) -> tuple[str, str] | None:
        """User name and password; None: the trunk asks for none."""
        auth = trunk.config.get("auth")
        if not auth:
            return None
        if self._sealing is None or trunk.sealed_password is None:
            raise unusable("The trunk's password cannot be read: there is no payload key for it.")
        place = password_place(trunk.tenant_id, trunk.id)
        try:
            return auth["username"], self._sealing.open(trunk.sealed_password, place)
        except ValueError as error:
            raise unusable(f"The trunk's password cannot be read: {error}") from error


@contextlib.asynccontextmanager
async def heartbeats() -> AsyncIterator[None]:
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


def unusable(sentence: str) -> ApplicationError:
    return not_dialled(NotDialled.TRUNK_UNUSABLE, sentence)
