"""What a leg is told to do, and whom it tells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from bridge.sip import Credentials
from contract.facts import FactKind


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomCall:
    """One call that is to be made. Times in seconds, numbers E.164."""

    call_id: str
    room_name: str
    target: str = field(repr=False)
    """`sip:+91…@host:port;transport=tcp`: the number, at the trunk."""
    to_number: str = field(repr=False)
    from_number: str = field(repr=False)
    trunk_id: str = ""
    hostname: str = ""
    """The trunk's, as `sip.hostname`."""
    credentials: Credentials | None = None
    codecs: tuple[str, ...] = ()
    """The trunk's, the best first; none: the bridge's own."""
    ringing_timeout: float = 30.0
    max_duration: float = 4 * 3600.0
    """From the answer: the leg's own last resort."""
    dtmf: str = field(default="", repr=False)
    """Keys to press once it is answered."""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    attributes: Mapping[str, str] = field(default_factory=dict, repr=False)


class Teller(Protocol):
    """Takes what happens to whoever must know, in this order. LEG_ENDED is the last, and comes
    exactly once of each leg that `RoomLegs.dial` returned."""

    def tell(self, kind: FactKind, data: dict[str, Any], at: datetime) -> None:
        """Must not block."""

    async def told(self, patience: float) -> None:
        """Returns when all so far is acknowledged, or after `patience` seconds."""

    async def aclose(self) -> None:
        """Called once, by the leg, when all is told. A leg that never was leaves it to the caller
        of `dial`."""
