"""A phone call from its order on: as the API tells of it, and as the far side lived it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from tests.e2e.phone.far_side import Carrier, CarrierRecord, number
from tests.e2e.switchboard import Switchboard, WebCall, eventually

TRUNK = "sandbox"  # seeded by the stack


class PhoneCall(WebCall):
    """What a web call has, and the far side."""

    def __init__(
        self, switchboard: Switchboard, accepted: dict[str, Any], carrier: Carrier, to: str
    ) -> None:
        super().__init__(switchboard, accepted)
        self._board = switchboard
        self._carrier = carrier
        self.to = to

    async def at_carrier(self, timeout: float = 20.0) -> CarrierRecord:
        return await self._carrier.call_to(self.to, timeout)

    async def answered(self, timeout: float = 20.0) -> CarrierRecord:
        """The far side, once somebody has picked up and the workflow knows it."""
        far = await self.at_carrier(timeout)
        await far.until("answered_at", timeout)
        await self.is_now("in_progress", timeout)
        return far

    async def is_now(self, status: str, timeout: float = 20.0) -> dict[str, Any]:
        seen: dict[str, Any] = {}

        async def look() -> dict[str, Any] | None:
            seen.update(await self.read())
            return seen if seen["status"] == status else None

        found: dict[str, Any] = await eventually(
            look, timeout=timeout, otherwise=lambda: f"{status} expected, it is {seen['status']}"
        )
        return found

    async def music_is_over(self, timeout: float = 10.0) -> None:
        """As whoever was held waits for it before they speak again: the first word of who speaks
        into the moment of the resume may be lost."""

        async def look() -> bool:
            return "The hold music ended when it was stopped." in [
                entry["text"] for entry in await self.timeline()
            ]

        await eventually(look, timeout=timeout, otherwise="The hold music never ended.")

    async def command(self, verb: str, **body: Any) -> Any:
        return await self._board.http.post(f"/calls/{self.id}/{verb}", json=body)


class PhoneLines:
    """Orders phone calls on one stack."""

    def __init__(self, switchboard: Switchboard) -> None:
        self.switchboard = switchboard
        control = switchboard.description.stand_ins["carrier"].control_url
        self.carrier = Carrier(control, Path(switchboard.stack.run_dir) / "carrier")
        self._placed: list[PhoneCall] = []

    async def aclose(self) -> None:
        await self.carrier.clear_faults()
        for call in self._placed:
            await call.hang_up()
        self._placed.clear()
        await self.carrier.aclose()

    async def trunk(self, **changes: Any) -> str:
        """One like the seeded one but for these fields."""
        like = await self.switchboard.get(f"/trunks/{TRUNK}")
        fields = {key: like[key] for key in like if key not in ("id", "created_at", "updated_at")}
        answer = await self.switchboard.http.post("/trunks", json=fields | changes)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    async def order(self, to: str, *, key: str | None = None, **body: Any) -> Any:
        """The API's answer, whatever it is."""
        asked = {"assistant_id": "demo", "trunk_id": TRUNK, "to_number": to} | body
        headers = {"Idempotency-Key": key} if key else {}
        return await self.switchboard.http.post("/call/outbound", json=asked, headers=headers)

    async def call(self, ending: str = "0100", **body: Any) -> PhoneCall:
        """`ending` says what the phone does."""
        to = number(ending)
        answer = await self.order(to, **body)
        assert answer.status_code == 202, answer.text
        call = PhoneCall(self.switchboard, answer.json(), self.carrier, to)
        call.placed_at = time.monotonic()
        self._placed.append(call)
        return call
