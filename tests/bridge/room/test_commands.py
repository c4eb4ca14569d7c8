"""What is asked of a phone again, as LiveKit does by itself after 3 s, is done once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from bridge.legs import LegOver, TransferProgress
from bridge.room import RoomLegOptions
from bridge.room.commands import Commands
from contract.rooms import PhoneRpc

TO = {"to": "+919876500199", "id": "t-1"}


class Leg:
    """One that is handed on when the test says so."""

    def __init__(self) -> None:
        self.targets: list[str] = []
        self.outcome: asyncio.Future[TransferProgress] = asyncio.get_running_loop().create_future()

    async def transfer(self, target: str, *, patience: float) -> TransferProgress:
        self.targets.append(target)
        return await asyncio.shield(self.outcome)


@pytest.fixture
async def leg() -> Leg:
    return Leg()


@pytest.fixture
async def transfer(leg: Leg) -> Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]:
    taken: Any = leg
    commands = Commands(taken, "sip:+91@127.0.0.1:5070;transport=tcp", RoomLegOptions())
    return commands.methods[PhoneRpc.TRANSFER]


async def test_a_transfer_that_takes_its_time_is_asked_after(leg: Leg, transfer: Any) -> None:
    assert await transfer(TO) == {"pending": True}
    asked = asyncio.create_task(transfer(TO))
    await asyncio.sleep(0)
    leg.outcome.set_result(TransferProgress(486, "Busy Here", True))
    said = {"ok": False, "sip_status": 486, "sip_phrase": "Busy Here"}
    assert await asked == said
    assert await transfer(TO) == said  # the answer had got lost
    assert len(leg.targets) == 1


async def test_another_one_waits_its_turn(leg: Leg, transfer: Any) -> None:
    first = asyncio.create_task(transfer(TO))
    await asyncio.sleep(0)
    other = await transfer({"to": "+919876500198", "id": "t-2"})
    assert other["ok"] is False
    assert "under way" in other["detail"]
    leg.outcome.set_result(TransferProgress(603, "Decline", True))
    await first
    assert (await transfer({"to": "+919876500198", "id": "t-2"}))["sip_status"] == 603
    assert (await transfer({"to": "+919876500198"}))["sip_status"] == 603  # of nobody's id: anew
    assert len(leg.targets) == 3


async def test_a_leg_that_is_over_is_not_handed_on(leg: Leg, transfer: Any) -> None:
    leg.outcome.set_exception(LegOver("The call has ended."))
    said = {"ok": False, "sip_status": None, "sip_phrase": "", "detail": "The call has ended."}
    assert await transfer(TO) == said
