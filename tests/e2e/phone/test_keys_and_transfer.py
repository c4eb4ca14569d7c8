"""DTMF both ways, and the phone handed on to another number."""

from __future__ import annotations

from typing import Any

import pytest

from tests.e2e.phone.phone_call import PhoneLines
from tests.e2e.switchboard import eventually

pytestmark = [pytest.mark.stack, pytest.mark.asyncio(loop_scope="session")]


async def test_keys_of_the_phone_are_in_the_timeline_but_not_which(
    lines: PhoneLines, trunk_id: str
) -> None:
    call = await lines.call("0120", record=False, trunk_id=trunk_id)
    far = await call.answered()
    entry = await call.has_happened("dtmf")
    assert entry["actor"] == "callee"

    async def all_told() -> bool:
        return counted(await call.timeline()) >= 4

    await eventually(all_told, timeout=20, otherwise="Not every key was told.")
    await far.hang_up()
    record = await call.settled()
    assert counted(record.timeline) == 4
    assert not any(
        "12" in e["text"] or "3#" in str(e["data"]) for e in record.timeline if e["kind"] == "dtmf"
    )


def counted(timeline: list[dict[str, Any]]) -> int:
    return sum(e["data"].get("count", 1) for e in timeline if e["kind"] == "dtmf")


async def test_keys_of_ours_reach_the_phone(lines: PhoneLines, trunk_id: str) -> None:
    call = await lines.call("0100", record=False, dtmf="9", trunk_id=trunk_id)
    far = await call.answered()
    answer = await call.command("dtmf", digits="12#")
    assert answer.status_code == 200, answer.text

    async def all_heard() -> bool:
        return len((await far.read())["dtmf"]) >= 4

    await eventually(all_heard, timeout=20, otherwise=lambda: f"heard: {far.document['dtmf']}")
    await far.hang_up()
    assert (await far.over())["dtmf"] == "912#"


async def test_the_phone_is_handed_on(lines: PhoneLines, trunk_id: str) -> None:
    call = await lines.call("0100", record=False, trunk_id=trunk_id)
    far = await call.answered()
    answer = await call.command("transfer", to="+919811110100")
    assert answer.status_code == 200, answer.text
    seen = await far.over()
    assert any(each["what"].startswith("transfer") for each in seen["doings"]), seen["doings"]
    record = await call.settled()
    assert record.call["ended_reason"] == "transferred"


@pytest.mark.parametrize(
    ("verb", "body"), [("dtmf", {"digits": "1"}), ("transfer", {"to": "+919811110100"})]
)
async def test_a_web_call_has_no_phone(lines: PhoneLines, verb: str, body: dict[str, str]) -> None:
    call = await lines.switchboard.place_call("demo", record=False)
    await call.join()
    await call.has_happened("opening_started")
    answer = await lines.switchboard.http.post(f"/calls/{call.id}/{verb}", json=body)
    assert (answer.status_code, answer.json()["code"]) == (409, "no-phone-leg")
