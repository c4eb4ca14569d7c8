"""Trunks' passwords follow the payload keys when these are changed."""

from __future__ import annotations

import structlog

from engine.sealing import Sealing
from store.database import Database
from store.trunks import Trunks, password_place

log = structlog.get_logger()


async def reseal_passwords(database: Database, sealing: Sealing) -> None:
    """Seal anew with the first key what another one sealed: else that one could never be dropped.

    What no key opens stays as it is, for the day on which its key is given back.
    """
    resealed = 0
    async with database.session() as session:
        trunks = Trunks(session)
        for trunk in await trunks.with_passwords():
            sealed = trunk.sealed_password
            if sealed is None or sealing.is_current(sealed):
                continue
            place = password_place(trunk.tenant_id, trunk.id)
            try:
                password = sealing.open(sealed, place)
            except ValueError as error:
                log.error(
                    "trunk_password_does_not_open",
                    tenant_id=trunk.tenant_id,
                    trunk_id=trunk.id,
                    detail=str(error),
                )
                continue
            await trunks.reseal(trunk.tenant_id, trunk.id, sealing.seal(password, place))
            resealed += 1
    if resealed:
        log.info("trunk_passwords_resealed", count=resealed)
