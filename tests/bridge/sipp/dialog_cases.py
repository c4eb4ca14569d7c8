"""The bridge has called, SIPp has answered: hold, transfer, whatever happens in a call."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from bridge.legs import (
    DtmfHeard,
    Held,
    LegOver,
    Refused,
    Resumed,
    TransferRequested,
)
from bridge.sip import Timers
from sandbox.carrier.voice import tone
from tests.bridge.sipp.stage import Stage, against


@against("carrier", "holds")
async def holds(stage: Stage) -> None:
    leg = await stage.dial_and_be_answered()
    end = await stage.end_of(leg)
    assert end.by == "them"
    trace = await stage.passed()
    # recvonly on their side asks us to speak on without being heard back: no hold of theirs.
    news = [each for each in stage.told if isinstance(each, (Held, Resumed))]
    assert news[:2] == [Held("them"), Resumed("them")]
    assert news.count(Held("them")) == news.count(Resumed("them")) >= 4
    answers = trace.received("SIP/2.0 200")[:-1]
    ids = {each.sdp_version[0] for each in [trace.one("INVITE"), *answers]}
    versions = [each.sdp_version[1] for each in [trace.one("INVITE"), *answers]]
    assert len(ids) == 1
    assert versions == sorted(set(versions)), "each change has a version of its own"


@against("carrier", "asks-for-an-offer")
async def asks_for_an_offer(stage: Stage) -> None:
    leg = await stage.dial_and_be_answered()
    await stage.until(Resumed("them"))
    assert stage.told.index(Held("them")) < stage.told.index(Resumed("them"))
    end = await stage.end_of(leg)
    assert end.by == "them"
    await stage.passed()


@against("carrier", "flaps")
async def flaps(stage: Stage) -> None:
    leg = await stage.dial_and_be_answered()
    end = await stage.end_of(leg)
    assert (end.by, end.reason) == ("them", "hung-up")
    assert len(end.holds) == 10
    trace = await stage.passed()
    offers = [each for each in trace if each.sent and each.start.startswith("INVITE")]
    answers = [each for each in trace.received("SIP/2.0 200") if "INVITE" in each.header("CSeq")]
    waits = sorted(b.at - a.at for a, b in zip(offers, answers, strict=True))
    assert waits[len(waits) // 2] < 0.1, waits


@against("carrier", "offers-nothing-known")
async def offers_nothing_known(stage: Stage) -> None:
    leg = await stage.dial_and_be_answered()
    end = await stage.end_of(leg)
    assert (end.by, end.holds) == ("them", ())
    await stage.passed()


@against("carrier", "asks-in-the-dialog")
async def asks_in_the_dialog(stage: Stage) -> None:
    leg = await stage.dial_and_be_answered()
    end = await stage.end_of(leg)
    assert end.by == "them"
    await stage.passed()
    assert DtmfHeard("7", 160, "info") in stage.told
    assert [each for each in stage.told if isinstance(each, (Held, Resumed))] == [
        Held("them"),
        Resumed("them"),
    ]


@against("carrier", "strangers")
async def strangers(stage: Stage) -> None:
    leg = await stage.dial_and_be_answered()
    end = await stage.end_of(leg)
    assert (end.by, end.reason) == ("them", "hung-up")
    await stage.passed()


@against("carrier", "glare")
async def glare(stage: Stage) -> None:
    leg = await stage.dial_and_be_answered()
    await leg.hold()
    assert leg.held_by == {"us"}
    await stage.end_of(leg)
    trace = await stage.passed()
    _, first, second = trace.received("INVITE")
    assert 2.1 <= second.at - first.at <= 5.5


@against("carrier", "is-held")
async def is_held(stage: Stage) -> None:
    leg = await stage.dial_and_be_answered()
    await leg.hold()
    assert leg.held_by == {"us"}
    await leg.resume()
    assert not leg.held_by
    leg.hang_up()
    trace = await stage.passed()
    end = await stage.end_of(leg)
    assert [hold.by for hold in end.holds] == ["us"]
    versions = [each.sdp_version for each in trace.received("INVITE")]
    assert len({name for name, _ in versions}) == 1
    assert [version for _, version in versions] == sorted({version for _, version in versions})


@against("carrier", "is-transferred", fill={"code": "200"})
async def is_transferred(stage: Stage) -> None:
    leg = await stage.dial_and_be_answered()
    outcome = await leg.transfer("sip:+15550100@carrier.example")
    assert (outcome.status, outcome.final) == (200, True)
    end = await stage.end_of(leg)
    assert (end.by, end.reason) == ("us", "transferred")
    await stage.passed()


@against("carrier", "is-transferred", fill={"code": "486"})
async def is_transferred_in_vain(stage: Stage) -> None:
    leg = await stage.dial_and_be_answered()
    outcome = await leg.transfer("sip:+15550100@carrier.example")
    assert (outcome.status, outcome.final) == (486, True)
    assert leg.state == "answered"
    leg.hang_up()
    await stage.end_of(leg)
    await stage.passed()


@against("carrier", "refuses-the-transfer")
async def refuses_the_transfer(stage: Stage) -> None:
    leg = await stage.dial_and_be_answered()
    outcome = await leg.transfer("sip:+15550100@carrier.example")
    assert (outcome.status, outcome.final) == (603, True)
    await asyncio.sleep(0.2)  # SIPp asks whether the call still stands
    assert leg.state == "answered"
    leg.hang_up()
    await stage.end_of(leg)
    await stage.passed()


@against("carrier", "transfers", accept_transfers=True)
async def transfers(stage: Stage) -> None:
    leg = await stage.dial_and_be_answered()
    await stage.until(TransferRequested)
    leg.accept_transfer()
    await asyncio.sleep(0.2)
    leg.report_transfer(200, "OK")
    await stage.end_of(leg)
    await stage.passed()
    asked = next(each for each in stage.told if isinstance(each, TransferRequested))
    assert "+15550123@127.0.0.1" in asked.target


@against("carrier", "wants-refreshes")
async def wants_refreshes(stage: Stage) -> None:
    leg = await stage.dial_and_be_answered()
    end = await stage.end_of(leg)
    assert end.by == "them"
    await stage.passed()


@against("carrier", "hangs-up")
async def hangs_up(stage: Stage) -> None:
    leg = await stage.dial_and_be_answered()
    end = await stage.end_of(leg)
    assert (end.by, end.reason, end.answered) == ("them", "hung-up", True)
    assert end.reason_header == 'Q.850;cause=16;text="Normal call clearing"'
    await stage.passed()


@against("carrier", "vanishes", timers=Timers(t1=0.05, lost_flow=0.5, probe=0.2))
async def vanishes(stage: Stage) -> None:
    leg = await stage.dial_and_be_answered()
    await stage.passed()
    if stage.sipp.transport == "udp":  # nobody notices before the next request
        leg.hang_up()
    end = await stage.end_of(leg)
    if stage.sipp.transport == "tcp":
        assert (end.by, end.reason) == ("network", "connection-lost")


@against("carrier", "moves-its-contact")
async def moves_its_contact(stage: Stage) -> None:
    leg = await stage.dial_and_be_answered()
    await asyncio.sleep(0.2)
    leg.hang_up()
    await stage.end_of(leg)
    await stage.passed()


@against("carrier", "hangs-up-too")
async def hangs_up_too(stage: Stage) -> None:
    leg = await stage.dial_and_be_answered()
    leg.hang_up()
    end = await stage.end_of(leg)
    assert end.reason == "hung-up"
    await stage.passed()


@against("carrier", "counts-backwards")
async def counts_backwards(stage: Stage) -> None:
    leg = await stage.dial_and_be_answered()
    end = await stage.end_of(leg)
    assert (end.by, end.holds) == ("them", ())
    await stage.passed()


@against("carrier", "refuses-the-hold", fill={"code": "488"})
@against("carrier", "refuses-the-hold", fill={"code": "500"})
async def refuses_the_hold(stage: Stage) -> None:
    leg = await stage.dial_and_be_answered()
    with pytest.raises(Refused):
        await leg.hold()
    assert (leg.state, leg.held_by) == ("answered", set())
    leg.hang_up()
    await stage.end_of(leg)
    await stage.passed()


@against("carrier", "refuses-the-hold", fill={"code": "481"})
async def knows_the_call_no_more(stage: Stage) -> None:
    leg = await stage.dial_and_be_answered()
    with pytest.raises((Refused, LegOver)):
        await leg.hold()
    end = await stage.end_of(leg)
    assert (end.by, end.reason) == ("network", "dialog-lost")
    await stage.passed()


@against("carrier", "echoes")
async def echoes(stage: Stage) -> None:
    """Our packets come back with our own SSRC: a loop to RTP's rules, but audio to a caller."""
    leg = await stage.dial_and_be_answered()
    heard: list[bytes] = []
    leg.on_frame = heard.append
    leg.play(tone(600, leg.sample_rate))
    await asyncio.sleep(1.2)
    leg.hang_up()
    end = await stage.end_of(leg)
    await stage.passed()
    assert end.quality is not None
    assert end.quality.received > 40
    samples = np.frombuffer(b"".join(heard), dtype="<i2")
    assert np.abs(samples).max() > 5000
