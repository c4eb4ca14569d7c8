"""SIPp calls the bridge."""

from __future__ import annotations

import asyncio

from bridge.legs import Held, Resumed
from bridge.sip import Timers
from tests.bridge.sipp.stage import Stage, against


@against("caller", "calls")
async def calls(stage: Stage) -> None:
    leg = await stage.accept()
    assert leg.call.target_user == "+15550100"
    assert leg.call.remote_user == "+919876543210"
    end = await stage.end_of(leg)
    assert (end.direction, end.by, end.reason, end.answered) == ("in", "them", "hung-up", True)
    await stage.passed()


@against("caller", "is-hung-up-on")
async def is_hung_up_on(stage: Stage) -> None:
    leg = await stage.accept()
    await asyncio.sleep(0.1)
    leg.hang_up()
    end = await stage.end_of(leg)
    assert (end.by, end.reason) == ("us", "hung-up")
    await stage.passed()


@against("caller", "comes-by-proxies")
async def comes_by_proxies(stage: Stage) -> None:
    leg = await stage.accept()
    await asyncio.sleep(0.1)
    leg.hang_up()
    trace = await stage.passed()
    await stage.end_of(leg)
    assert trace.one("BYE").start.startswith("BYE sip:phone@127.0.0.1:")


@against("caller", "acknowledges-late", exact=True)
async def acknowledges_late(stage: Stage) -> None:
    leg = await stage.accept()
    end = await stage.end_of(leg)
    assert (end.by, end.answered) == ("them", True)
    trace = await stage.passed()
    answers = [each for each in trace.received("SIP/2.0 200") if "INVITE" in each.header("CSeq")]
    first, second, third = (each.at for each in answers)
    assert second - first > 0.4
    assert third - first > 1.3


@against("caller", "never-acknowledges", exact=True, timers=Timers(t1=0.05))
async def never_acknowledges(stage: Stage) -> None:
    leg = await stage.accept()
    end = await stage.end_of(leg)
    assert (end.by, end.reason) == ("network", "ack-timeout")
    await stage.passed()


@against("caller", "gives-up")
async def gives_up(stage: Stage) -> None:
    leg = await stage.incoming()
    leg.ring()
    end = await stage.end_of(leg)
    assert (end.by, end.reason, end.answered) == ("them", "cancelled", False)
    await stage.passed()


@against("caller", "is-refused")
async def is_refused(stage: Stage) -> None:
    leg = await stage.incoming()
    leg.reject(486)
    end = await stage.end_of(leg)
    assert (end.by, end.answered) == ("us", False)
    await stage.passed()


@against("caller", "is-unfit")
async def offers_nothing_that_fits(stage: Stage) -> None:
    await stage.passed()


@against("caller", "leaves-the-offer")
async def leaves_the_offer(stage: Stage) -> None:
    leg = await stage.accept()
    end = await stage.end_of(leg)
    assert end.by == "them"
    assert len(end.holds) == 1
    await stage.passed()


@against("caller", "shows-a-password", callers={"anna": "hush"})
async def shows_a_password(stage: Stage) -> None:
    leg = await stage.accept()
    end = await stage.end_of(leg)
    assert end.by == "them"
    await stage.passed()


@against("caller", "requires-reliable-ringing")
async def requires_reliable_ringing(stage: Stage) -> None:
    leg = await stage.incoming()
    leg.ring()
    await asyncio.sleep(0.2)  # the PRACK; without SDP in the 180 the 200 need not wait for it
    await leg.accept()
    end = await stage.end_of(leg)
    assert end.by == "them"
    await stage.passed()


@against("caller", "wants-session-timer")
async def wants_a_session_timer(stage: Stage) -> None:
    leg = await stage.accept()
    end = await stage.end_of(leg)
    assert end.by == "them"
    await stage.passed()


@against("caller", "wants-too-short-a-timer")
async def wants_too_short_a_timer(stage: Stage) -> None:
    await stage.passed()


@against("caller", "requires-the-unknown")
async def requires_the_unknown(stage: Stage) -> None:
    await stage.passed()


@against("caller", "repeats-its-invite", exact=True)
async def repeats_its_invite(stage: Stage) -> None:
    leg = await stage.incoming()
    await asyncio.sleep(0.1)  # SIPp cannot send and hear at once
    leg.ring()
    await leg.accept()
    end = await stage.end_of(leg)
    assert end.by == "them"
    await stage.passed()
    assert stage.no_further_call


@against("caller", "asks-outside-a-dialog")
async def asks_outside_a_dialog(stage: Stage) -> None:
    await stage.passed()
    assert stage.no_further_call


@against("caller", "speaks-compactly")
async def speaks_compactly(stage: Stage) -> None:
    leg = await stage.accept()
    assert leg.call.headers["x-carrier-leg"] == "seven"
    end = await stage.end_of(leg)
    assert end.by == "them"
    await stage.passed()


@against("caller", "holds")
async def holds(stage: Stage) -> None:
    leg = await stage.accept()
    end = await stage.end_of(leg)
    assert [hold.by for hold in end.holds] == ["them", "them"]
    assert [each for each in stage.told if isinstance(each, (Held, Resumed))] == [
        Held("them"),
        Resumed("them"),
        Held("them"),
        Resumed("them"),
    ]
    await stage.passed()


@against("caller", "meets-glare")
async def meets_glare(stage: Stage) -> None:
    leg = await stage.accept()
    await asyncio.sleep(0.1)
    await leg.hold()
    assert leg.held_by == {"us"}
    await stage.end_of(leg)
    await stage.passed()


@against("caller", "hangs-up-before-the-ack")
async def hangs_up_before_the_ack(stage: Stage) -> None:
    leg = await stage.accept()
    end = await stage.end_of(leg)
    assert (end.by, end.answered) == ("them", True)
    await stage.passed()


@against("caller", "has-another-body")
async def has_another_body(stage: Stage) -> None:
    await stage.passed()
    assert stage.no_further_call


@against("caller", "sends-several-bodies")
async def sends_several_bodies(stage: Stage) -> None:
    leg = await stage.accept()
    end = await stage.end_of(leg)
    assert (end.by, end.answered) == ("them", True)
    await stage.passed()


@against("caller", "expires")
async def expires(stage: Stage) -> None:
    leg = await stage.incoming()
    leg.ring()
    end = await stage.end_of(leg)
    assert (end.reason, end.answered) == ("expired", False)
    await stage.passed()


@against("caller", "comes-twice")
async def comes_twice(stage: Stage) -> None:
    leg = await stage.incoming()
    leg.ring()
    await asyncio.sleep(0.3)
    assert stage.no_further_call
    await leg.accept()
    await stage.end_of(leg)
    await stage.passed()


@against("caller", "cancels-too-late")
async def cancels_too_late(stage: Stage) -> None:
    leg = await stage.accept()
    end = await stage.end_of(leg)
    assert (end.by, end.reason, end.answered) == ("them", "hung-up", True)
    await stage.passed()
