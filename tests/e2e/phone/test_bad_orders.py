"""Orders that cannot be: a clear problem, and no INVITE at the carrier."""

from __future__ import annotations

from typing import Any

import pytest

from tests.e2e.phone.far_side import number
from tests.e2e.phone.phone_call import PhoneLines

pytestmark = [pytest.mark.stack, pytest.mark.asyncio(loop_scope="session")]

BAD: list[tuple[str, dict[str, Any], int]] = [
    ("unknown trunk", {"trunk_id": "nowhere"}, 404),
    ("unknown assistant", {"assistant_id": "nobody"}, 404),
    ("no number", {"to_number": "hello"}, 422),
    ("local number", {"to_number": "08061234567"}, 422),
    ("emergency number", {"to_number": "+112"}, 422),
    ("premium number", {"to_number": "+19005550123"}, 422),
    ("too long", {"to_number": "+9198765001000000"}, 422),
    ("wrong keys", {"dtmf": "12x"}, 422),
    ("too many keys", {"dtmf": "1" * 65}, 422),
    ("header of SIP itself", {"headers": {"Via": "x"}}, 422),
    ("header with a line break", {"headers": {"X-A": "a\r\nContact: b"}}, 422),
    ("attribute of ours", {"attributes": {"call.state": "answered"}}, 422),
    ("rings too long", {"ringing_timeout_seconds": 1000}, 422),
    ("unknown field", {"colour": "blue"}, 422),
]


@pytest.mark.parametrize(("what", "change", "status"), BAD, ids=[bad[0] for bad in BAD])
async def test_it_is_refused_and_nobody_is_called(
    lines: PhoneLines, what: str, change: dict[str, Any], status: int
) -> None:
    to = number("0100")
    answer = await lines.order(to, **change)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"]
    assert not await lines.carrier.calls_to(to)


async def test_a_trunk_that_is_off_or_may_not_call_there(lines: PhoneLines) -> None:
    off = await lines.trunk(name="Off", enabled=False)
    abroad = await lines.trunk(name="Only Austria", countries=["AT"])
    for trunk in (off, abroad):
        to = number("0100")
        answer = await lines.order(to, trunk_id=trunk)
        assert 400 <= answer.status_code < 500, answer.text
        assert answer.json()["code"]
        assert not await lines.carrier.calls_to(to)


async def test_a_trunk_that_leads_nowhere(lines: PhoneLines) -> None:
    """Accepted, and told truthfully: nobody knew before it was tried."""
    nowhere = await lines.trunk(name="Nobody listens", port=9)
    call = await lines.call("0100", trunk_id=nowhere, record=False)
    record = await call.settled()
    assert (record.call["ended_reason"], record.call["ended_by"]) == ("provider_error", "carrier")
    assert record.call["answered_at"] is None
