"""Each of the phone's numbers, called by the bridge over TCP and UDP: what the bridge is told, and
what the carrier's record says. The calls wait more than they work, so they run side by side."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from bridge.legs import Answered, DtmfHeard, Held, Resumed, Ringing
from sandbox.carrier.voice import tone
from tests.sandbox.carrier.conftest import TRANSPORTS, Call, Place

pytestmark = [
    pytest.mark.slow,
    pytest.mark.real_time,  # the sound of forty calls at once, in one process
    pytest.mark.asyncio(loop_scope="module"),
]

_HOLDS = ("0110", "0111", "0112", "0113")
_REFUSALS = {"0160": 486, "0161": 603, "0163": 404, "0164": 480, "0165": 503, "0488": 488}
# What the bridge hangs up itself, after so many seconds.
_OURS = {"0100": 2.5, "0101": 2.0, "0103": 4.0, "0104": 4.0, "0116": 4.0, "0120": 3.0}
_OURS |= dict.fromkeys(_HOLDS, 5.0)
_NUMBERS = [*_OURS, *_REFUSALS, "0115", "0140", "0141", "0162"]

Calls = dict[tuple[str, str], asyncio.Task[Call]]


async def _call(place: Place, number: str, transport: str) -> Call:
    call = await place.dial(number, transport, ringing_timeout=1.0 if number == "0162" else 30.0)
    if number in _OURS:
        assert await call.leg.answered(), call.leg.end
        await asyncio.sleep(0.5)
        if number == "0100":
            call.leg.play(tone(600, call.leg.sample_rate))
        await asyncio.sleep(_OURS[number] - 0.5)
        async with asyncio.timeout(20):
            while not _came(call, number):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        call.leg.hang_up()
    return await place.over(call)


def _came(call: Call, number: str) -> bool:
    """All that is looked for, which on a busy machine takes longer."""
    quality = call.leg.quality
    if number == "0103":
        return quality is not None and quality.received > 100
    return number != "0120" or len(call.has(DtmfHeard)) >= 4


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def calls(place: Place) -> AsyncIterator[Calls]:
    tasks = {
        (number, transport): asyncio.create_task(_call(place, number, transport))
        for number in _NUMBERS
        for transport in TRANSPORTS
    }
    yield tasks
    for task in tasks.values():
        task.cancel()
    await asyncio.gather(*tasks.values(), return_exceptions=True)


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_it_answers_and_listens(calls: Calls, transport: str) -> None:
    call = await calls["0100", transport]
    assert [type(event) for event in call.told[:2]] == [Ringing, Answered]
    record = call.record
    assert (record["direction"], record["to"], record["transport"]) == (
        "in",
        "+91987650100",
        transport,
    )
    assert (record["ended_by"], record["reason"], record["status"]) == ("bridge", "hung-up", 200)
    assert record["invites"] == 1
    assert record["seconds"] == pytest.approx(2.5, abs=5.0)
    # A second of tone; on a busy machine with gaps.
    assert 0.3 < sum(end - began for began, end in record["heard"]["voiced"]) < 1.5


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_it_speaks_and_the_bridge_hears_it(calls: Calls, transport: str) -> None:
    call = await calls["0103", transport]
    quality = call.end.quality
    assert quality is not None
    assert quality.received > 100
    early = await calls["0104", transport]
    assert Ringing(183, early_media=True) in early.told
    assert early.record["ringing_at"] < early.record["answered_at"]


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("number", _HOLDS)
async def test_it_holds_and_resumes(calls: Calls, number: str, transport: str) -> None:
    call = await calls[number, transport]
    assert [e for e in call.told if isinstance(e, Held | Resumed)] == [
        Held("them"),
        Resumed("them"),
    ]
    (hold,) = call.record["holds"]
    assert (hold["by"], hold["seconds"]) == ("phone", pytest.approx(2.0, abs=5.0))
    assert call.record["invites"] == 3
    (ours,) = call.end.holds
    assert (ours.ended - ours.began).total_seconds() == pytest.approx(hold["seconds"], abs=2.0)


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_it_presses_hold_again_and_again(calls: Calls, transport: str) -> None:
    call = await calls["0116", transport]
    assert len(call.has(Held)) == len(call.has(Resumed)) == len(call.record["holds"]) == 4


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_it_sends_digits(calls: Calls, transport: str) -> None:
    call = await calls["0120", transport]
    digits = [event.digit for event in call.told if isinstance(event, DtmfHeard)]
    assert "".join(digits) == "123#"


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_it_hangs_up(calls: Calls, transport: str) -> None:
    for number in ("0140", "0141", "0115"):
        call = await calls[number, transport]
        assert (call.end.by, call.end.reason) == ("them", "hung-up")
        assert call.record["ended_by"] == "phone"
    assert [hold["by"] for hold in call.record["holds"]] == ["phone"]
    at_once = await calls["0141", transport]
    assert at_once.record["ringing_at"] is None
    assert at_once.record["seconds"] < 5


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_it_does_not_take_the_call(calls: Calls, transport: str) -> None:
    for number, status in _REFUSALS.items():
        call = await calls[number, transport]
        assert (call.end.by, call.end.sip_status, call.end.answered) == ("them", status, False)
        assert (call.record["status"], call.record["answered"]) == (status, False)
    busy = await calls["0160", transport]
    assert busy.end.reason_header == 'Q.850;cause=17;text="User busy"'


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_it_never_answers(calls: Calls, transport: str) -> None:
    call = await calls["0162", transport]
    assert (call.end.by, call.end.reason) == ("us", "no-answer")
    assert (call.record["ended_by"], call.record["reason"]) == ("bridge", "cancelled")


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize(("number", "status"), [("0100", 200), ("0131", 603), ("0132", 486)])
async def test_it_is_handed_on(place: Place, number: str, status: int, transport: str) -> None:
    call = await place.dial(number, transport)
    assert await call.leg.answered()
    outcome = await call.leg.transfer("sip:+15550100@carrier.example")
    assert outcome.status == status
    if status != 200:
        assert call.leg.state == "answered"
        call.leg.hang_up()
    await place.over(call)
    asked = [each for each in call.record["doings"] if each["what"] == "transfer-requested"]
    assert len(asked) == 1
    assert call.end.reason == ("transferred" if status == 200 else "hung-up")
