"""What a request for a call must agree with that is kept: its trunk, and whose number it shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from api.outbound_calls.schemas import OutboundCallRequest
from api.phone_numbers import check_country
from api.trunks.presets import TrunkKind
from contract.calls import Provider
from contract.errors import InvalidRequest
from store.errors import TrunkDisabled, TrunkUnknown
from store.numbers import Numbers
from store.trunks import Trunks


class NoFromNumber(InvalidRequest):
    code = "no-from-number"

    def __init__(self, trunk_id: str) -> None:
        super().__init__(
            f"There is no number to show to whoever is called: give `from_number`, or give the "
            f"trunk {trunk_id!r} one."
        )


class FromNumberNotAllowed(InvalidRequest):
    code = "from-number-not-allowed"

    def __init__(self, trunk_id: str) -> None:
        super().__init__(
            f"`from_number` is neither the number of the trunk {trunk_id!r} nor one of yours in "
            "/numbers that comes through it; leave it out, or add it there."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How the call will reach its telephone."""

    provider: Provider
    from_number: str
    ringing_timeout_seconds: float


async def check_way(session: AsyncSession, tenant_id: str, body: OutboundCallRequest) -> Way:
    """Raises TrunkUnknown, TrunkDisabled, NoFromNumber, FromNumberNotAllowed, CountryNotAllowed."""
    trunk = await Trunks(session).get(tenant_id, body.trunk_id)
    if trunk is None:
        raise TrunkUnknown(body.trunk_id)
    config: dict[str, Any] = trunk.config
    if not config["enabled"]:
        raise TrunkDisabled(trunk.id)
    check_country(body.to_number, config["countries"])
    by_bridge = config["kind"] == TrunkKind.BRIDGE
    return Way(
        provider=Provider.BRIDGE if by_bridge else Provider.LIVEKIT_SIP,
        from_number=await _from_number(session, tenant_id, body, config["from_number"]),
        ringing_timeout_seconds=float(
            body.ringing_timeout_seconds or config["ringing_timeout_seconds"]
        ),
    )


async def _from_number(
    session: AsyncSession, tenant_id: str, body: OutboundCallRequest, of_trunk: str | None
) -> str:
    asked_for = body.from_number or of_trunk
    if asked_for is None:
        raise NoFromNumber(body.trunk_id)
    if asked_for == of_trunk:
        return asked_for
    # A number is one tenant's at a time, so nobody shows another tenant's.
    own = await Numbers(session).get(tenant_id, asked_for)
    if own is None or own.route.trunk_id not in (None, body.trunk_id):
        raise FromNumberNotAllowed(body.trunk_id)
    return asked_for
