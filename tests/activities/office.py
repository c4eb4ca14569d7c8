"""A trunk, and orders to dial over it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from activities.dialling_desk import DiallingDesk
from contract.calls import Direction, Provider
from contract.identity import new_call_id
from contract.phone import DialPhone, PhoneOrder
from engine.sealing import Sealing
from store.calls import Calls, NewCall
from store.database import Database
from store.trunks import Trunks, password_place

NUMBER = "+919876500100"
KEYS = {"k": b"0" * 32}
TRUNK: dict[str, Any] = {
    "enabled": True,
    "host": "203.0.113.7",
    "port": 5070,
    "transport": "tcp",
    "codecs": ["PCMA", "PCMU"],
    "from_number": "+911140001122",
    "max_concurrent_calls": 10,
    "calls_per_second": 5.0,
    "auth": {"username": "acme"},
}


@dataclass
class Office:
    database: Database

    @property
    def desk(self) -> DiallingDesk:
        return DiallingDesk(self.database, Sealing(KEYS))

    async def trunk(self, password: str | None = None, **changes: Any) -> None:
        async with self.database.session() as session:
            await Trunks(session).create("acme", "mumbai", TRUNK | changes, password)

    async def order(self, **changes: Any) -> DialPhone:
        call_id = new_call_id()
        async with self.database.session() as session:
            await Calls(session).insert(
                NewCall(
                    call_id=call_id,
                    tenant_id="acme",
                    direction=Direction.OUTBOUND,
                    provider=Provider.BRIDGE,
                    room_name=call_id,
                    started_at=datetime.now(UTC),
                    trunk_id="mumbai",
                )
            )
        return DialPhone(
            call_id=call_id,
            tenant_id="acme",
            room_name=call_id,
            phone=PhoneOrder(trunk_id="mumbai", to_number=NUMBER, **changes),
            max_duration_seconds=3660,
        )


def sealed(password: str, place: str = password_place("acme", "mumbai")) -> str:
    return Sealing(KEYS).seal(password, place)
