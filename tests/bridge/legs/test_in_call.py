"""What can be done in a call: digits, transfer, both ways; glare; limits of time."""

from __future__ import annotations

import asyncio

import pytest

from bridge.legs import (
    DtmfHeard,
    HoldKind,
    LegOver,
    Refused,
    TransferProgress,
    TransferRequested,
)
from tests.bridge.legs.rig import Ear, call, far_end, one_bridge, options, pair, place, soon


async def test_digits_go_both_ways_by_rtp() -> None:
    async with pair() as (ours, theirs):
        here, there = await call(ours, theirs)
        here.leg.send_dtmf("12#")
        there.leg.send_dtmf("9*A")
        await soon(lambda: len(there.of(DtmfHeard)) == 3)
        await soon(lambda: len(here.of(DtmfHeard)) == 3)
        assert "".join(event.digit for event in there.of(DtmfHeard)) == "12#"
        assert "".join(event.digit for event in here.of(DtmfHeard)) == "9*A"
        assert {event.way for event in there.of(DtmfHeard)} == {"rtp"}
        with pytest.raises(ValueError, match="Telephones"):
            here.leg.send_dtmf("1x")


async def test_a_transfer_is_followed_and_the_call_ends() -> None:
    async with (
        pair(accept_transfers=True) as (ours, theirs),
        one_bridge(options()) as third,
    ):
        here, there = await call(ours, theirs)
        target = place(third, user="+911234567890")
        handing_on = asyncio.create_task(here.leg.transfer(target))
        await soon(lambda: there.of(TransferRequested))
        assert there.of(TransferRequested)[0].target == target
        there.leg.accept_transfer()
        waiting = asyncio.create_task(far_end(third))
        await asyncio.sleep(0)
        onward = Ear(await theirs.dial(target))
        there.leg.report_transfer(180, "Ringing")
        await (await waiting).accept()
        assert await onward.leg.answered()
        there.leg.report_transfer(200, "OK")
        assert (await handing_on).status == 200
        end = await here.leg.ended()
        assert (end.reason, end.by) == ("transferred", "us")
        assert [event.status for event in here.of(TransferProgress)][-1] == 200
        assert (await there.leg.ended()).by == "them"
        assert onward.leg.state == "answered"


async def test_a_transfer_is_refused_unless_it_was_allowed() -> None:
    async with pair() as (ours, theirs):
        here, there = await call(ours, theirs)
        outcome = await here.leg.transfer("sip:+911234567890@127.0.0.1")
        assert (outcome.status, outcome.final) == (603, True)
        assert not there.of(TransferRequested)
        assert here.leg.state == "answered"


@pytest.mark.slow
async def test_both_press_hold_at_once_and_both_hold() -> None:
    """Glare: 491, and both offers are made again after their own waits (RFC 3261, 14.1)."""
    async with pair() as (ours, theirs):
        here, there = await call(ours, theirs)
        async with asyncio.timeout(10):
            await asyncio.gather(here.leg.hold(), there.leg.hold(HoldKind.INACTIVE))
        assert here.leg.held_by == there.leg.held_by == {"us", "them"}
        async with asyncio.timeout(10):
            await asyncio.gather(here.leg.resume(), there.leg.resume())
        await soon(lambda: not here.leg.held_by and not there.leg.held_by)


async def test_hold_flaps_and_the_last_word_counts() -> None:
    async with pair() as (ours, theirs):
        here, there = await call(ours, theirs)
        for kind in [*HoldKind, *HoldKind]:
            await here.leg.hold(kind)
            await here.leg.resume()
        await here.leg.hold()
        await soon(lambda: there.leg.held_by == {"them"})
        here.leg.hang_up()
        end = await there.leg.ended()
        assert len(end.holds) == 2 * len(HoldKind) + 1
        assert end.holds[-1].ended >= end.holds[-1].began


async def test_what_makes_no_sense_is_refused_in_words() -> None:
    async with pair() as (ours, theirs):
        here, there = await call(ours, theirs)
        with pytest.raises(LegOver):
            await here.leg.accept()
        with pytest.raises(LegOver):
            there.leg.reject()
        holding = asyncio.create_task(here.leg.hold())
        await asyncio.sleep(0)
        here.leg.hang_up()
        here.leg.hang_up()  # safe to repeat
        with pytest.raises((LegOver, Refused)):
            await holding
        with pytest.raises(LegOver):
            await here.leg.hold()
        with pytest.raises(LegOver):
            here.leg.send_dtmf("1")
        await there.leg.ended()


async def test_the_longest_call_ends() -> None:
    async with pair() as (ours, theirs):
        here, there = await call(ours, theirs, max_duration=0.3)
        end, other = await here.leg.ended(), await there.leg.ended()
        assert (end.reason, end.by, end.answered) == ("max-duration", "us", True)
        assert 0.25 < end.talk_seconds < 3.0
        assert other.by == "them"
        assert other.reason_header is not None
        assert "longest duration" in other.reason_header


async def test_nobody_answers_in_time() -> None:
    async with pair() as (ours, theirs):
        waiting = asyncio.create_task(far_end(theirs))
        await asyncio.sleep(0)
        here = Ear(await ours.dial(place(theirs), ringing_timeout=0.3))
        there = Ear(await waiting)
        there.leg.ring()
        end, other = await here.leg.ended(), await there.leg.ended()
        assert (end.reason, end.by, end.answered) == ("no-answer", "us", False)
        assert end.sip_status == 487
        assert (other.reason, other.by, other.answered) == ("cancelled", "them", False)
        assert end.answered_at is None
        assert end.talk_seconds == 0


@pytest.mark.parametrize(
    ("status", "reason", "platforms"),
    [
        (486, "busy", "busy"),
        (603, "rejected", "rejected"),
        (404, "invalid-number", "invalid_number"),
        (503, "blocked", "carrier_blocked"),
    ],
)
async def test_a_refusal_is_told_as_it_is(status: int, reason: str, platforms: str) -> None:
    async with pair() as (ours, theirs):
        waiting = asyncio.create_task(far_end(theirs))
        await asyncio.sleep(0)
        leg = await ours.dial(place(theirs))
        (await waiting).reject(status)
        end = await leg.ended()
        assert (end.reason, end.by, end.sip_status) == (reason, "them", status)
        assert end.ending is not None
        assert end.ending.reason == platforms
        assert str(status) in end.detail


async def test_the_caller_gives_up_while_it_rings() -> None:
    async with pair() as (ours, theirs):
        waiting = asyncio.create_task(far_end(theirs))
        await asyncio.sleep(0)
        here = Ear(await ours.dial(place(theirs)))
        there = Ear(await waiting)
        there.leg.ring()
        await soon(lambda: here.leg.state == "ringing")
        here.leg.hang_up()
        end, other = await here.leg.ended(), await there.leg.ended()
        assert (end.reason, end.by, end.answered) == ("cancelled", "us", False)
        assert (other.reason, other.by) == ("cancelled", "them")
        with pytest.raises(LegOver):
            await there.leg.accept()


async def test_more_calls_than_there_may_be_are_refused() -> None:
    async with pair(max_calls=1) as (ours, theirs):
        await call(ours, theirs)
        ours.options = options()
        end = await (await ours.dial(place(theirs))).ended()
        assert end.sip_status == 503


async def test_shutting_down_says_goodbye_to_every_call() -> None:
    async with pair() as (ours, theirs):
        calls = [await call(ours, theirs) for _ in range(3)]
        await ours.aclose()
        for here, there in calls:
            assert here.leg.end is not None
            assert here.leg.end.reason == "shutdown"
            assert (await there.leg.ended()).by == "them"


async def test_it_is_known_when_the_far_side_has_confirmed_our_goodbye() -> None:
    async with pair() as (ours, theirs):
        here, there = await call(ours, theirs)
        here.leg.hang_up()
        await here.leg.ended()
        await asyncio.wait_for(here.leg.parted(), 5)
        await asyncio.wait_for(there.leg.parted(), 5)  # their word was the last one
        assert not here.leg.call.says_goodbye


async def test_a_far_side_that_confirms_no_goodbye_does_not_keep_us_for_ever() -> None:
    async with pair() as (ours, theirs):
        here, _ = await call(ours, theirs)
        await theirs.transports.aclose()
        here.leg.hang_up()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(here.leg.parted(), 0.3)
        await asyncio.wait_for(here.leg.parted(), 15)  # 64 * T1
