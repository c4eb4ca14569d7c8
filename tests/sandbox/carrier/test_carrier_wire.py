"""What the carrier can witness of a caller: its INVITEs to the millisecond, and its sound on the
wire, also while nobody listens to it."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest

from bridge.legs import Held, Resumed
from sandbox.carrier.voice import speech, tone
from tests.sandbox.carrier.conftest import Place

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

_SILENCE = 8  # PCMA's own


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


async def invites(place: Place, number: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await place.get(f"/control/invites?to={number}"))["invites"]
    return found


async def test_each_invite_has_its_time_and_says_whether_it_began_a_call(place: Place) -> None:
    number = "310110"
    first = await place.over(await place.dial("310160"))
    call = await place.dial(number)
    async with asyncio.timeout(10):
        while Resumed("them") not in call.told:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    call.leg.hang_up()
    await place.over(call)
    (refused,) = await invites(place, "310160")
    opening, hold, resume = await invites(place, number)
    assert (refused["first"], refused["way"]) == (True, "in")
    assert refused["sip_call_id"] == first.leg.call.call_id
    assert [each["first"] for each in (opening, hold, resume)] == [True, False, False]
    assert [each["way"] for each in (opening, hold, resume)] == ["in", "out", "out"]
    assert at(refused["at"]) < at(opening["at"]) < at(hold["at"]) < at(resume["at"])
    (record,) = (await place.get(f"/control/calls?to={number}"))["calls"]
    assert record["invites"] == 3
    assert abs(at(record["began_at"]) - at(opening["at"])) < timedelta(milliseconds=500)


async def test_a_caller_who_speaks_before_the_answer_is_heard_on_the_wire(place: Place) -> None:
    silent, early = await place.dial("320104"), await place.dial("330104")
    async with asyncio.timeout(10):
        while early.leg.media is None or early.leg.negotiated is None:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    early.leg.media.play(tone(440, early.leg.sample_rate))
    for call in (silent, early):
        assert await call.leg.answered()
        call.leg.hang_up()
        await place.over(call)
    assert early.record["wire"]["before_answer"]["loudest"] > 1000
    assert early.record["wire"]["before_answer"]["packets"] > 10
    assert silent.record["wire"]["before_answer"]["packets"] > 10
    assert silent.record["wire"]["before_answer"]["loudest"] <= _SILENCE


async def test_a_caller_who_speaks_into_a_hold_is_heard_on_the_wire(place: Place) -> None:
    call = await place.dial("340110")
    async with asyncio.timeout(10):
        while Held("them") not in call.told:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    leg = call.leg
    assert leg.media is not None
    assert leg.negotiated is not None
    remote = leg.media.remote
    assert remote is not None
    # What no bridge of ours does: a packet of sound in spite of the hold.
    loud = b"\x80\x08\x00\x01\x00\x00\x00\x00\x00\x00\x00\x09" + b"\x2a" * 160
    leg.media._sockets[0]._transport.sendto(loud, remote)  # type: ignore[union-attr]
    async with asyncio.timeout(10):
        while Resumed("them") not in call.told:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    leg.play(tone(440, leg.sample_rate))
    await asyncio.sleep(1.2)
    leg.hang_up()
    await place.over(call)
    wire = call.record["wire"]
    assert wire["while_held"]["packets"] == 1
    assert wire["while_held"]["loudest"] > 1000
    hold = call.record["holds"][0]
    assert at(wire["audible"][-1][0]) >= at(hold["to"])


async def test_a_phone_waits_until_the_caller_has_spoken(place: Place) -> None:
    call = await place.dial("350106")
    assert await call.leg.answered()
    await asyncio.sleep(0.5)
    call.leg.play(await speech("Hello.", call.leg.sample_rate))
    await asyncio.sleep(1.0)
    spoke = datetime.now().astimezone()
    async with asyncio.timeout(20):
        record = await place.get(f"/control/calls/{call.leg.call.call_id}")
        while len([each for each in record["doings"] if each["what"] == "step"]) < 3:
            await asyncio.sleep(0.1)
            record = await place.get(f"/control/calls/{call.leg.call.call_id}")
    call.leg.hang_up()
    await place.over(call)
    _heard, said, _hears = [each for each in call.record["doings"] if each["what"] == "step"]
    assert said["step"] == "say What are your opening hours?"
    ((_began, ended),) = call.record["wire"]["audible"]
    pause = (at(said["at"]) - at(ended)).total_seconds()
    assert 0.75 < pause < 6
    assert at(ended) < spoke


async def test_a_phone_that_flaps_ends_in_its_last_state(place: Place) -> None:
    resumed, held = await place.dial("360117"), await place.dial("360118")
    for call in (resumed, held):
        assert await call.leg.answered()
    async with asyncio.timeout(30):
        while len(resumed.has(Resumed)) < 10 or len(held.has(Held)) < 11:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    await asyncio.sleep(0.5)  # and no more
    assert (resumed.leg.held_by, held.leg.held_by) == (frozenset(), {"them"})
    for call, times in ((resumed, 10), (held, 11)):
        call.leg.hang_up()
        await place.over(call)
        assert len(call.has(Held)) == len(call.record["holds"]) == times
    changes = (await invites(place, "360117"))[1:]
    assert len(changes) == 20
    span = (at(changes[-1]["at"]) - at(changes[0]["at"])).total_seconds()
    assert 4.25 < span < 10


@pytest.mark.parametrize("transport", ["tcp", "udp"])
async def test_an_answer_that_crosses_the_cancel(place: Place, transport: str) -> None:
    call = await place.dial("370105", transport)
    await asyncio.sleep(0.5)
    call.leg.hang_up()
    await place.over(call)
    assert (call.end.by, call.end.reason, call.end.answered) == ("us", "cancelled", True)
    assert call.record["answered"] is True
    assert call.record["ended_by"] == "bridge"
    assert call.record["seconds"] < 5
