"""The bridge calls; SIPp is the carrier with its phone: up to the answer, or to none."""

from __future__ import annotations

import hashlib
import re

from bridge.legs import (
    LegEnded,
    Ringing,
)
from bridge.sip import Credentials, Timers
from tests.bridge.sipp.stage import Stage, against
from tests.bridge.sipp.trace import Message


@against("carrier", "answers")
async def answers(stage: Stage) -> None:
    leg = await stage.dial_and_be_answered()
    leg.hang_up()
    trace = await stage.passed()
    end = await stage.end_of(leg)
    assert (end.by, end.reason, end.answered) == ("us", "hung-up", True)
    invite, transport = trace.one("INVITE"), stage.sipp.transport
    assert invite.header("Via").upper().startswith(f"SIP/2.0/{transport.upper()} ")
    assert (f"transport={transport}" in invite.header("Contact").lower()) or transport == "udp"
    assert trace.one("ACK").header("Via") != invite.header("Via")
    assert stage.told.count(LegEnded(end)) == 1


@against("carrier", "answers-elsewhere")
async def answers_elsewhere(stage: Stage) -> None:
    leg = await stage.dial_and_be_answered()
    leg.hang_up()
    await stage.passed()
    await stage.end_of(leg)


@against("carrier", "repeats-its-answer", exact=True)
async def repeats_its_answer(stage: Stage) -> None:
    leg = await stage.dial_and_be_answered()
    end = await stage.end_of(leg)
    assert (end.by, end.reason) == ("them", "hung-up")
    trace = await stage.passed()
    assert len(trace.received("ACK")) == 3
    assert len({each.header("CSeq") for each in trace.received("ACK")}) == 1


@against("carrier", "early-media")
async def early_media(stage: Stage) -> None:
    leg = await stage.dial_and_be_answered()
    assert Ringing(183, early_media=True) in stage.told
    leg.hang_up()
    await stage.passed()
    await stage.end_of(leg)


@against("carrier", "reliable-ringing")
async def reliable_ringing(stage: Stage) -> None:
    leg = await stage.dial_and_be_answered()
    leg.hang_up()
    trace = await stage.passed()
    await stage.end_of(leg)
    assert "100rel" in trace.one("INVITE").header("Supported")
    numbers = [int(each.header("CSeq").split()[0]) for each in trace.received("PRACK")]
    first = int(trace.one("INVITE").header("CSeq").split()[0])
    assert numbers == [first + 1, first + 2]
    assert trace.received("PRACK")[0].header("RAck") == f"813 {first} INVITE"


@against("carrier", "asks-for-a-password-401", credentials=Credentials("trunk", "secret"))
@against("carrier", "asks-for-a-password-407", credentials=Credentials("trunk", "secret"))
async def asks_for_a_password(stage: Stage) -> None:
    leg = await stage.dial_and_be_answered()
    leg.hang_up()
    trace = await stage.passed()
    await stage.end_of(leg)
    first, second = trace.received("INVITE")
    assert first.header("Call-ID") == second.header("Call-ID")
    assert first.header("From") == second.header("From")
    assert first.header("Via") != second.header("Via")
    check_digest(second, "trunk", "secret")


@against("carrier", "wrong-password", credentials=Credentials("trunk", "wrong"))
async def does_not_believe_the_password(stage: Stage) -> None:
    leg = await stage.dial()
    end = await stage.end_of(leg)
    assert (end.by, end.sip_status, end.answered) == ("them", 401, False)
    await stage.passed()


@against("carrier", "refuses", fill={"code": "486"})
@against("carrier", "refuses", fill={"code": "480"})
@against("carrier", "refuses", fill={"code": "603"})
@against("carrier", "refuses", fill={"code": "404"})
@against("carrier", "refuses", fill={"code": "503"})
async def refuses(stage: Stage) -> None:
    leg = await stage.dial()
    assert not await leg.answered()
    end = await stage.end_of(leg)
    trace = await stage.passed()
    assert (end.by, end.answered) == ("them", False)
    assert end.reason_header == 'Q.850;cause=17;text="User busy"'
    assert f"SIP/2.0 {end.sip_status}" in "".join(each.text for each in trace if each.sent)
    assert trace.one("ACK").header("Via") == trace.one("INVITE").header("Via")


@against("carrier", "moved")
async def has_moved(stage: Stage) -> None:
    leg = await stage.dial()
    end = await stage.end_of(leg)
    assert (end.by, end.sip_status, end.reason) == ("them", 302, "redirected")
    trace = await stage.passed()
    trace.one("INVITE")


@against("carrier", "rings-for-ever")
async def rings_for_ever(stage: Stage) -> None:
    leg = await stage.dial(ringing_timeout=0.4)
    end = await stage.end_of(leg)
    assert (end.by, end.reason, end.answered) == ("us", "no-answer", False)
    trace = await stage.passed()
    invite, cancel, ack = (trace.one(name) for name in ("INVITE", "CANCEL", "ACK"))
    assert invite.header("Via") == cancel.header("Via") == ack.header("Via")
    assert cancel.start.split()[1] == invite.start.split()[1]
    assert cancel.header("CSeq").split()[0] == invite.header("CSeq").split()[0]


@against("carrier", "rings-for-ever")
async def rings_until_we_give_up(stage: Stage) -> None:
    leg = await stage.dial()
    await stage.until(Ringing)
    leg.hang_up()
    leg.hang_up()
    end = await stage.end_of(leg)
    assert (end.by, end.reason) == ("us", "cancelled")
    (await stage.passed()).one("CANCEL")


@against("carrier", "answers-the-cancelled-call")
async def answers_the_cancelled_call(stage: Stage) -> None:
    leg = await stage.dial()
    await stage.until(Ringing)
    leg.hang_up()
    end = await stage.end_of(leg)
    assert end.by == "us"
    await stage.passed()


@against("carrier", "answers-without-sdp")
async def answers_without_sdp(stage: Stage) -> None:
    leg = await stage.dial()
    await stage.passed()
    end = await stage.end_of(leg)
    assert end.reason in ("no-session", "unusable-answer")


@against("carrier", "two-phones-answer")
async def two_phones_answer(stage: Stage) -> None:
    leg = await stage.dial_and_be_answered()
    end = await stage.end_of(leg)
    assert (end.by, end.reason) == ("them", "hung-up")
    await stage.passed()


@against("carrier", "says-nothing", timers=Timers(t1=0.05))
async def says_nothing(stage: Stage) -> None:
    leg = await stage.dial()
    end = await stage.end_of(leg)
    assert (end.by, end.reason, end.answered) == ("network", "no-response", False)
    trace = await stage.passed()
    invites = trace.received("INVITE")
    if stage.sipp.transport == "tcp":
        assert len(invites) == 1
    assert len({each.header("Via") for each in invites}) == 1


@against("carrier", "is-slow-to-ring")
async def is_slow_to_ring(stage: Stage) -> None:
    leg = await stage.dial()
    leg.hang_up()
    end = await stage.end_of(leg)
    assert (end.by, end.reason) == ("us", "cancelled")
    await stage.passed()


@against("carrier", "answers-on-hold", fill={"kind": "sendonly"})
@against("carrier", "answers-on-hold", fill={"kind": "inactive"})
@against("carrier", "answers-on-hold", fill={"kind": "session-sendonly"})
async def answers_on_hold(stage: Stage) -> None:
    leg = await stage.dial_and_be_answered()
    end = await stage.end_of(leg)
    assert [hold.by for hold in end.holds] == ["them"]
    await stage.passed()


@against("carrier", "answers-with-video")
async def answers_with_video(stage: Stage) -> None:
    leg = await stage.dial()
    end = await stage.end_of(leg)
    assert (end.reason, end.answered) == ("unusable-answer", True)
    await stage.passed()


@against("carrier", "rings-in-many-places")
async def rings_in_many_places(stage: Stage) -> None:
    leg = await stage.dial_and_be_answered()
    leg.hang_up()
    await stage.end_of(leg)
    trace = await stage.passed()
    assert trace.one("BYE").header("To").endswith("x1"), "the tag of who answered"


def check_digest(request: Message, username: str, password: str) -> None:
    """RFC 2617, with qop=auth. SIPp's own `verifyauth` does not look at Proxy-Authorization."""
    name = "Proxy-Authorization" if "Proxy-Auth" in request.text else "Authorization"
    told = {
        key: quoted or plain
        for key, quoted, plain in re.findall(r'(\w+)=(?:"([^"]*)"|([^\s,]+))', request.header(name))
    }
    method, uri = request.start.split()[:2]
    who = _md5(f"{username}:{told['realm']}:{password}")
    what = _md5(f"{method}:{uri}")
    nonce = f"{told['nonce']}:{told['nc']}:{told['cnonce']}:{told['qop']}"
    assert (told["uri"], told["response"]) == (uri, _md5(f"{who}:{nonce}:{what}"))


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
