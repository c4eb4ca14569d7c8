"""Values of tools' headers follow the payload keys, also those that were kept in clear before."""

from __future__ import annotations

import structlog

from api.assistants.tool_headers import clear_values, open_values, seal_values, with_headers
from engine.sealing import Sealing
from store.assistants import Assistants, StoredAssistant
from store.database import Database

log = structlog.get_logger()


async def reseal_headers(database: Database, sealing: Sealing) -> None:
    """Seal with the first key what another one sealed, or none. What no key opens stays as it
    is, for the day on which its key is given back."""
    resealed = 0
    async with database.session() as session:
        assistants = Assistants(session)
        for stored in await assistants.with_headers():
            if _is_settled(stored, sealing):
                continue
            try:
                values = open_values(sealing, stored)
            except ValueError as error:
                log.error(
                    "tool_headers_do_not_open",
                    tenant_id=stored.tenant_id,
                    assistant_id=stored.id,
                    detail=str(error),
                )
                continue
            sealed = seal_values(sealing, stored.tenant_id, stored.id, values) if values else ""
            config = with_headers(stored.config, None)
            await assistants.reseal(stored.tenant_id, stored.id, config, sealed)
            resealed += bool(values)
    if resealed:
        log.info("tool_headers_resealed", count=resealed)


def _is_settled(stored: StoredAssistant, sealing: Sealing) -> bool:
    return (
        bool(stored.sealed_headers)
        and sealing.is_current(stored.sealed_headers or "")
        and not clear_values(stored.config)
    )
