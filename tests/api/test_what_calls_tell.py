"""What a call's record tells of its order, its trunk, and why there is no recording."""

from __future__ import annotations

from datetime import UTC, datetime

from contract.calls import CallStatus, TimelineEntry
from contract.endings import CallEnding, EndedBy, EndedReason
from contract.identity import new_call_id
from contract.steps import WriteRecord
from store.calls import Calls
from tests.api.service import Service


async def test_a_timeline_is_in_the_order_of_what_happened(service: Service) -> None:
    def told(seq: int, second: int, kind: str) -> TimelineEntry:
        at = datetime(2026, 11, 21, 12, 0, second, tzinfo=UTC)
        return TimelineEntry(
            source="workflow", source_seq=seq, at=at, actor="platform", kind=kind, text=kind
        )

    late = (told(1, 5, "opening_started"), told(2, 4, "answered"), told(3, 4, "recording"))
    call_id = new_call_id()
    await service.given_call(call_id)
    async with service.parts.database.session() as session:
        await Calls(session).write(WriteRecord(call_id=call_id, entries=late))
    items = (await service.get(f"/calls/{call_id}/timeline")).json()["items"]
    assert [(item["seq"], item["kind"]) for item in items] == [
        (2, "answered"),
        (3, "recording"),
        (1, "opening_started"),
    ]


async def test_a_call_that_nobody_answered_says_why_it_was_not_recorded(service: Service) -> None:
    call_id = new_call_id()
    await service.given_call(call_id, record=True)
    busy = CallEnding(EndedReason.BUSY, EndedBy.CALLEE, "Busy.")
    async with service.parts.database.session() as session:
        await Calls(session).write(
            WriteRecord(call_id=call_id, status=CallStatus.ENDED, ending=busy)
        )
    recording = (await service.get(f"/calls/{call_id}")).json()["recording"]
    assert recording["status"] == "not_requested"
    assert recording["detail"] == "Nobody answered, so there was nothing to record."


async def test_calls_are_found_by_their_trunk(service: Service) -> None:
    call_id = new_call_id()
    await service.given_call(new_call_id())
    await service.given_call(call_id, trunk_id="mumbai")
    for trunk_id, found in (("mumbai", [call_id]), ("nowhere", [])):
        items = (await service.get("/calls", params={"trunk_id": trunk_id})).json()["items"]
        assert [item["call_id"] for item in items] == found
