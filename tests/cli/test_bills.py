"""`switchboard bills show`: every line, every price, and what is missing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from contract.calls import CallStatus
from contract.endings import CallEnding, EndedBy, EndedReason
from contract.identity import new_call_id
from contract.steps import WriteRecord
from store.calls import Calls
from store.ledger import Ledger
from tests.api.service import Service
from tests.cli.conftest import Installation, Switchboard

NOON = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
TELEPHONY: dict[str, Any] = {
    "what": "telephony",
    "provider": "bridge",
    "model": "mumbai",
    "quantity": "120",
    "unit": "seconds",
    "unit_price": "0.01",
    "per": "60",
    "amount": "0.020000",
    "price_table": "ours-7",
    "why": "",
}
WHY = "The price table ours-7 has no price of characters of elevenlabs new\x1b[2J."
UNKNOWN: dict[str, Any] = {
    "what": "tts",
    "provider": "elevenlabs",
    "model": "new",
    "quantity": "212",
    "unit": "characters",
    "unit_price": None,
    "per": "1",
    "amount": None,
    "price_table": "",
    "why": WHY,
}


async def ended_call(service: Service, answered: bool = True) -> str:
    call_id = new_call_id()
    await service.given_call(call_id, started_at=NOON)
    ending = CallEnding(EndedReason.CALLEE_HUNG_UP, EndedBy.CALLEE, "It is over.")
    async with service.parts.database.session() as session:
        await Calls(session).write(
            WriteRecord(
                call_id=call_id,
                status=CallStatus.ENDED,
                answered_at=NOON + timedelta(seconds=1) if answered else None,
                ended_at=NOON + timedelta(seconds=62),
                ending=ending,
                talk_seconds=61.0 if answered else 0.0,
            )
        )
    return call_id


async def settle(service: Service, call_id: str, items: list[dict[str, Any]]) -> None:
    async with service.parts.database.session() as session:
        await Ledger(session).settle(
            call_id,
            "default",
            "0.020000" if items else "0.000000",
            "EUR",
            bool(items),
            items,
            price_table="ours-7",
            partial_because=[WHY] if items else [],
            seconds={"answered": "61.000" if items else "0.000", "held": "12.500"},
        )


async def test_a_partial_bill_is_shown_whole(
    installation: Installation, switchboard: Switchboard
) -> None:
    call_id = await ended_call(installation.service)
    await settle(installation.service, call_id, [TELEPHONY, UNKNOWN])
    shown = await switchboard("bills", "show", call_id)
    assert shown.code == 0
    assert "\x1b" not in shown.out
    lines = [" ".join(line.split()) for line in shown.out.splitlines()]
    for part in (
        "talk 61 s from answer to end",
        "on hold 12.5 s of them",
        "price table ours-7",
        "telephony bridge mumbai 120 seconds 0.01 per 60 0.020000 ours-7",
        "tts elevenlabs new 212 characters ? unknown",
        "Total 0.020000 EUR",
        "This bill is partial:",
    ):
        assert part in lines
    assert "has no price of characters of elevenlabs new" in lines[-1]

    document = (await switchboard("bills", "show", call_id, "--json")).document
    record = (await installation.service.get(f"/calls/{call_id}")).json()
    assert document == {"call_id": call_id, **record["cost"]}


async def test_an_unanswered_call_costs_nothing_and_says_so(
    installation: Installation, switchboard: Switchboard
) -> None:
    call_id = await ended_call(installation.service, answered=False)
    await settle(installation.service, call_id, [])
    shown = await switchboard("bills", "show", call_id)
    assert "nobody answered, so nothing is charged" in shown.out
    assert "Total 0.000000 EUR" in shown.out


async def test_a_bill_that_is_not_settled_is_a_conflict(
    installation: Installation, switchboard: Switchboard
) -> None:
    call_id = await ended_call(installation.service)
    ended = await switchboard("bills", "show", call_id)
    assert (ended.code, ended.out) == (6, "")
    assert "The bill is not settled yet" in ended.err

    live = new_call_id()
    await installation.service.given_call(live, started_at=NOON)
    shown = await switchboard("bills", "show", live)
    assert shown.code == 6
    assert "The call is not over" in shown.err
