"""Whole calls between two bridges, over each transport, with what is heard."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bridge.addresses import Listen
from bridge.legs import Answered, HoldKind, Leg, LegEnded, Ringing
from bridge.sdp import G722, PCMA, PCMU, Codec
from bridge.sip import Credentials
from tests.bridge.certificates import tls_files
from tests.bridge.legs.rig import Ear, call, far_end, options, pair, place, soon, tone

HERE, THERE = 450.0, 650.0  # whole periods in 20 ms


@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
async def test_both_hear_each_other_and_one_hangs_up(transport: str, tmp_path: Path) -> None:
    tls = tls_files(tmp_path) if transport == "tls" else None
    async with pair(transport, tls) as (ours, theirs):
        here, there = await call(ours, theirs, transport)
        here.leg.play(tone(HERE, here.leg.sample_rate))
        there.leg.play(tone(THERE, there.leg.sample_rate))
        await there.hears(HERE)
        await here.hears(THERE)
        here.leg.hang_up()
        end, theirs_end = await here.leg.ended(), await there.leg.ended()
    assert (end.reason, end.by, end.answered, end.sip_status) == ("hung-up", "us", True, 200)
    assert (theirs_end.reason, theirs_end.by) == ("hung-up", "them")
    assert end.answered_at is not None
    assert end.ringing_at is not None
    assert end.began_at <= end.ringing_at <= end.answered_at <= end.ended_at
    assert abs(end.talk_seconds - theirs_end.talk_seconds) < 0.5
    assert end.quality is not None
    assert end.quality.received > 5
    assert not end.holds
    assert [type(event) for event in here.events] == [Ringing, Answered, LegEnded]
    assert [type(event) for event in there.events] == [Answered, LegEnded]


@pytest.mark.parametrize("codec", [PCMU, PCMA, G722], ids=lambda codec: codec.name)
async def test_each_codec_carries_sound(codec: Codec) -> None:
    async with pair(codecs=(codec,)) as (ours, theirs):
        here, there = await call(ours, theirs)
        assert here.leg.codec == there.leg.codec == codec.name
        here.leg.play(tone(HERE, here.leg.sample_rate))
        await there.hears(HERE)


async def test_a_call_may_have_codecs_of_its_own() -> None:
    async with pair() as (ours, theirs):
        here, there = await call(ours, theirs, codecs=(G722,))
        assert here.leg.codec == there.leg.codec == G722.name
        another, _ = await call(ours, theirs)
        assert another.leg.codec == PCMU.name


async def test_encrypted_audio_is_heard() -> None:
    async with pair(srtp="required") as (ours, theirs):
        here, there = await call(ours, theirs)
        assert here.leg.negotiated is not None
        assert here.leg.negotiated.srtp is not None
        here.leg.play(tone(HERE, here.leg.sample_rate))
        there.leg.play(tone(THERE, there.leg.sample_rate))
        await there.hears(HERE)
        await here.hears(THERE)
        await here.leg.hold()
        await here.leg.resume()
        here.frames.clear()
        there.leg.play(tone(THERE, there.leg.sample_rate))
        await here.hears(THERE)


async def test_encryption_that_one_side_refuses_is_said_plainly() -> None:
    async with pair() as (ours, theirs):
        ours.options = options(srtp="required", ports=ours.options.ports)
        theirs.options = options(srtp="refused", ports=theirs.options.ports)
        theirs.on_incoming = lambda leg: None
        end = await (await ours.dial(place(theirs))).ended()
        assert (end.reason, end.sip_status, end.answered) == ("not-acceptable", 488, False)


async def test_callers_are_asked_for_their_password() -> None:
    async with pair(callers={"anna": "hush"}) as (ours, theirs):
        here, there = await call(ours, theirs, credentials=Credentials("anna", "hush"))
        here.leg.hang_up()
        await there.leg.ended()
        wrong = await ours.dial(place(theirs), credentials=Credentials("anna", "wrong"))
        end = await wrong.ended()
        assert (end.reason, end.answered) == ("unauthorized", False)


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_a_call_over_ipv6(transport: str) -> None:
    listen = tuple(Listen.parse(f"{way}://[::1]:0") for way in ("udp", "tcp"))
    async with pair(listen=listen) as (ours, theirs):
        waiting = asyncio.create_task(far_end(theirs))
        await asyncio.sleep(0)
        here = Ear(await ours.dial(place(theirs, transport).replace("127.0.0.1", "[::1]")))
        there = Ear(await waiting)
        await there.leg.accept()
        assert await here.leg.answered()
        here.leg.play(tone(HERE, here.leg.sample_rate))
        await there.hears(HERE)
        await there.leg.hold()
        there.leg.hang_up()
        assert (await here.leg.ended()).holds


async def test_whoever_takes_calls_may_fail_and_the_caller_is_told() -> None:
    async with pair() as (ours, theirs):

        def fail(leg: Leg) -> None:
            raise RuntimeError("no")

        theirs.on_incoming = fail
        end = await (await ours.dial(place(theirs))).ended()
        assert (end.sip_status, end.answered) == (500, False)


async def test_a_caller_gives_up_while_we_are_answering() -> None:
    async with pair() as (ours, theirs):
        waiting = asyncio.create_task(far_end(theirs))
        await asyncio.sleep(0)
        leg = await ours.dial(place(theirs))
        there = await waiting
        there.ring()
        await soon(lambda: leg.state == "ringing")
        leg.hang_up()
        await asyncio.gather(there.accept(), leg.ended())
        end = await there.ended()
        assert end.by == "them"


async def test_a_call_knows_the_trunk_that_it_came_from() -> None:
    async with pair(allowed_sources=("exotel=127.0.0.0/8",)) as (ours, theirs):
        _, there = await call(ours, theirs)
        assert there.leg.trunk == "exotel"


async def test_the_far_side_hangs_up() -> None:
    async with pair() as (ours, theirs):
        here, there = await call(ours, theirs)
        there.leg.hang_up()
        end = await here.leg.ended()
        assert (end.reason, end.by, end.answered) == ("hung-up", "them", True)


async def test_an_offer_may_come_from_the_far_side() -> None:
    """An INVITE without SDP: their 200 offers, our ACK answers (RFC 3264 section 4)."""
    async with pair() as (ours, theirs):
        here, there = await call(ours, theirs, delayed_offer=True)
        await soon(lambda: there.leg.codec)
        here.leg.play(tone(HERE, here.leg.sample_rate))
        there.leg.play(tone(THERE, there.leg.sample_rate))
        await there.hears(HERE)
        await here.hears(THERE)


async def test_audio_before_the_answer_is_heard() -> None:
    async with pair() as (ours, theirs):
        waiting = asyncio.create_task(far_end(theirs))
        await asyncio.sleep(0)
        here = Ear(await ours.dial(place(theirs)))
        there = Ear(await waiting)
        await there.leg.play_early()
        there.leg.play(tone(THERE, there.leg.sample_rate))
        await here.hears(THERE)
        assert here.of(Ringing)[-1].early_media
        await there.leg.accept()
        assert await here.leg.answered()
        here.leg.play(tone(HERE, here.leg.sample_rate))
        await there.hears(HERE)


@pytest.mark.parametrize("kind", HoldKind)
@pytest.mark.parametrize("holder", ["caller", "callee"])
async def test_hold_is_silence_and_resume_is_sound_again(kind: HoldKind, holder: str) -> None:
    async with pair(media_timeout=1.0) as (ours, theirs):
        here, there = await call(ours, theirs)
        one, other = (here, there) if holder == "caller" else (there, here)
        other.leg.media.source = lambda: tone(HERE, other.leg.sample_rate, 0.02)
        one.leg.media.source = lambda: tone(THERE, one.leg.sample_rate, 0.02)
        await one.hears(HERE)
        await one.leg.hold(kind)
        await soon(lambda: other.leg.held_by == {"them"})
        assert one.leg.held_by == {"us"}
        one.frames.clear()
        await asyncio.sleep(1.2)  # longer than the media timeout, which sleeps now
        assert one.is_silent()
        await one.leg.resume()
        await soon(lambda: not other.leg.held_by)
        await one.hears(HERE)
        await other.hears(THERE)
        one.leg.hang_up()
        end, others_end = await one.leg.ended(), await other.leg.ended()
    assert [hold.by for hold in end.holds] == ["us"]
    assert [hold.by for hold in others_end.holds] == ["them"]
    for hold in (*end.holds, *others_end.holds):
        assert 1.0 < (hold.ended - hold.began).total_seconds() < 6
