"""Far sides that fail or lie: the right answer, one truthful end, nothing left behind."""

from __future__ import annotations

import asyncio
import socket
from contextlib import AsyncExitStack

import pytest

from bridge.addresses import Listen, own_address
from bridge.legs import Answered, ConnectionLost, DtmfHeard, Leg, LegEnded, Reattached
from bridge.sip import Address, Timers
from tests.bridge.legs.raw_peer import Heard, RawPeer, raw_peer, sdp, spoof
from tests.bridge.legs.rig import Ear, call, far_end, one_bridge, options, pair, place, soon, tone
from tests.bridge.transport.far_side import reset

FAST = Timers(t1=0.01, t2=0.04, t4=0.05, lost_flow=0.5, probe=0.1)
BOTH = pytest.mark.parametrize("transport", ["udp", "tcp"])


async def answered(leg: Leg, peer: RawPeer, media: int = 9) -> Heard:
    """The INVITE of the answered call."""
    invite = await peer.get("INVITE")
    peer.reply(invite, "180 Ringing")
    peer.reply(invite, "200 OK", sdp(media))
    await peer.get("ACK")
    assert await leg.answered()
    return invite


async def test_a_far_side_that_never_says_anything() -> None:
    async with raw_peer() as peer, one_bridge(options(timers=FAST)) as bridge:
        leg = await bridge.dial(peer.uri)
        end = await leg.ended()
        assert (end.reason, end.by, end.answered) == ("no-response", "network", False)
        assert peer.count("INVITE") >= 5  # it was tried
        calls = {message.header("Call-ID") for message in peer.heard}
        assert len(calls) == 1


async def test_nobody_takes_connections_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
    async with one_bridge() as bridge:
        end = await (await bridge.dial(f"sip:bob@127.0.0.1:{port};transport=tcp")).ended()
        assert (end.reason, end.by, end.answered) == ("unreachable", "network", False)
        assert "refused" in end.detail


@BOTH
async def test_an_answer_without_sdp_is_hung_up_and_said_so(transport: str) -> None:
    async with raw_peer(transport) as peer, one_bridge() as bridge:
        ear = Ear(await bridge.dial(peer.uri))
        invite = await peer.get("INVITE")
        peer.reply(invite, "200 OK")
        await peer.get("ACK")
        bye = await peer.get("BYE")
        peer.reply(bye, "200 OK")
        end = await ear.leg.ended()
        assert (end.reason, end.answered, end.sip_status) == ("no-session", True, 200)
        assert "without saying where its audio is" in end.detail
        assert not ear.of(Answered)
        assert len(ear.of(LegEnded)) == 1


async def test_an_answer_that_cannot_be_used_is_hung_up_and_said_so() -> None:
    for answer in (sdp(formats="18"), "v=0\r\nnonsense", sdp(0)):
        async with raw_peer() as peer, one_bridge() as bridge:
            leg = await bridge.dial(peer.uri)
            peer.reply(await peer.get("INVITE"), "200 OK", answer)
            await peer.get("ACK")
            bye = await peer.get("BYE")
            peer.reply(bye, "200 OK")
            assert "488" in bye.header("Reason") or "400" in bye.header("Reason")
            end = await leg.ended()
            assert (end.reason, end.by, end.answered) == ("unusable-answer", "them", True)
            assert end.answered_at is not None


async def test_an_ack_that_does_not_answer_our_offer_ends_the_call() -> None:
    """An INVITE without SDP leaves the offer to us, and their ACK owes the answer."""
    async with raw_peer() as peer, one_bridge() as bridge:
        waiting = asyncio.create_task(far_end(bridge))
        await asyncio.sleep(0)
        here = Address("127.0.0.1", bridge.listening[0].port)
        peer.send(peer.call(here), Heard(b"", here))
        leg = await waiting
        await leg.accept()
        ok = await peer.get("SIP/2.0 200")
        assert "m=audio" in ok.body
        peer.send(peer.ack(ok), ok)
        peer.reply(await peer.get("BYE"), "200 OK")
        end = await leg.ended()
        assert (end.reason, end.by, end.answered) == ("no-session", "them", True)


@pytest.mark.parametrize(
    ("body", "status"), [("v=0\r\nnonsense", "400"), (sdp(formats="18"), "488")]
)
async def test_a_call_that_cannot_be_answered_is_refused_before_it_rings(
    body: str, status: str
) -> None:
    async with raw_peer() as peer, one_bridge() as bridge:
        rung: list[Leg] = []
        bridge.on_incoming = rung.append
        here = Address("127.0.0.1", bridge.listening[0].port)
        peer.send(peer.call(here, body), Heard(b"", here))
        await peer.get(f"SIP/2.0 {status}")
        assert not rung


async def test_numbers_in_a_far_sides_words_are_masked() -> None:
    async with raw_peer() as peer, one_bridge() as bridge:
        leg = await bridge.dial(peer.uri)
        invite = await peer.get("INVITE")
        peer.reply(invite, "404 User +919876543210 not found")
        end = await leg.ended()
        assert (end.reason, end.sip_status) == ("invalid-number", 404)
        assert "98765" not in str(end.as_document()) + repr(end)
        assert "10 not found" in end.detail


async def test_our_private_address_is_not_offered_to_a_caller_who_cannot_use_it() -> None:
    elsewhere = own_address("0.0.0.0")
    if elsewhere == "127.0.0.1":
        return  # a machine without a network has no such caller
    given = options(listen=(Listen("udp", "0.0.0.0", 0),), advertised_ip="127.0.0.1")
    async with one_bridge(given) as bridge:
        rung: list[Leg] = []
        bridge.on_incoming = rung.append
        peer = RawPeer("udp")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wire:
            wire.bind((elsewhere, 0))
            wire.setblocking(False)
            peer.address = Address(*wire.getsockname())
            there = Address(elsewhere, bridge.listening[0].port)
            wire.sendto(peer.call(there, sdp(), elsewhere), there)
            loop = asyncio.get_running_loop()
            async with asyncio.timeout(3):
                answer = await loop.sock_recv(wire, 65536)
                while answer.startswith(b"SIP/2.0 100"):
                    answer = await loop.sock_recv(wire, 65536)
        assert answer.startswith(b"SIP/2.0 500")
        assert not rung


@BOTH
async def test_an_answer_to_a_cancelled_call_is_confirmed_and_hung_up(transport: str) -> None:
    async with raw_peer(transport) as peer, one_bridge() as bridge:
        ear = Ear(await bridge.dial(peer.uri))
        invite = await peer.get("INVITE")
        peer.reply(invite, "180 Ringing")
        await soon(lambda: ear.leg.state == "ringing")
        ear.leg.hang_up()
        cancel = await peer.get("CANCEL")
        peer.reply(invite, "200 OK", sdp())  # it crossed the CANCEL
        peer.reply(cancel, "200 OK")
        await peer.get("ACK")
        peer.reply(await peer.get("BYE"), "200 OK")
        end = await ear.leg.ended()
        assert (end.reason, end.by) == ("cancelled", "us")
        assert end.answered  # a carrier bills it, from its 200
        assert end.answered_at is not None
        assert "crossed our CANCEL" in end.detail
        assert not ear.of(Answered)
        assert len(ear.of(LegEnded)) == 1


@BOTH
async def test_a_bye_with_a_wrong_tag_ends_nothing(transport: str) -> None:
    async with raw_peer(transport) as peer, one_bridge() as bridge:
        leg = await bridge.dial(peer.uri)
        invite = await answered(leg, peer)
        for number, wrong in enumerate(({"tag": "other"}, {"their_tag": "other"}), start=1):
            peer.send(peer.request("BYE", invite, cseq=number, **wrong), invite)
            await peer.get("SIP/2.0 481")
        assert leg.state == "answered"
        peer.send(peer.request("BYE", invite, cseq=9, extra=("Reason: SIP;cause=200",)), invite)
        await peer.get("SIP/2.0 200")
        end = await leg.ended()
        assert (end.reason, end.by, end.reason_header) == ("hung-up", "them", "SIP;cause=200")


async def test_a_spoofed_source_gets_nothing() -> None:
    async with (
        raw_peer() as peer,
        one_bridge(options(allowed_sources=("carrier=127.0.0.1",))) as bridge,
    ):
        leg = await bridge.dial(peer.uri)
        invite = await answered(leg, peer)
        here = Address("127.0.0.1", bridge.listening[0].port)
        spoof(peer.request("BYE", invite), here, "127.0.0.9")
        await soon(lambda: bridge.transports.counters.strangers == 1)
        assert leg.state == "answered"
        assert peer.count("SIP/2.0") == 0
        leg.hang_up()
        peer.reply(await peer.get("BYE"), "200 OK")
        await leg.ended()


async def test_audio_from_elsewhere_is_not_heard() -> None:
    async with pair() as (ours, theirs):
        here, there = await call(ours, theirs)
        there.leg.play(tone(450, there.leg.sample_rate, 2.0))
        await here.hears(450)
        assert here.leg.media is not None
        port = here.leg.media.local_port
        noise = tone(1850, 8000, 0.02)[:160]
        for number in range(50):
            packet = bytes([0x80, 0]) + number.to_bytes(2, "big") + bytes(8) + noise
            spoof(packet, Address("127.0.0.1", port), "127.0.0.1")
            spoof(packet, Address("127.0.0.1", port), "127.0.0.9")
            await asyncio.sleep(0.005)
        await here.hears(450)
        quality = here.leg.quality
        assert quality is not None
        assert quality.dropped >= 100
        assert quality.lost == 0


async def test_audio_that_stops_ends_the_call_and_says_so() -> None:
    async with raw_peer() as peer, one_bridge(options(media_timeout=0.3)) as bridge:
        leg = await bridge.dial(peer.uri)
        await answered(leg, peer)
        bye = await peer.get("BYE")
        peer.reply(bye, "200 OK")
        assert "no audio" in bye.header("Reason")
        end = await leg.ended()
        assert (end.reason, end.by, end.answered) == ("media-timeout", "network", True)


@pytest.mark.parametrize("ringing", [False, True])
async def test_a_reset_while_we_call_is_one_end_and_no_second_call(ringing: bool) -> None:
    async with raw_peer("tcp") as peer, one_bridge(options(timers=FAST)) as bridge:
        ear = Ear(await bridge.dial(peer.uri))
        invite = await peer.get("INVITE")
        if ringing:
            peer.reply(invite, "180 Ringing")
            await soon(lambda: ear.leg.state == "ringing")
        assert invite.writer is not None
        reset(invite.writer)
        end = await ear.leg.ended()
        assert (end.by, end.answered) == ("network", False)
        assert end.reason in ("connection-lost", "no-response")
        assert "closed the connection" in end.detail
        assert len(ear.of(ConnectionLost)) >= 1
        assert len({each.header("Call-ID") for each in peer.heard}) == 1
        assert len(ear.of(LegEnded)) == 1


async def test_a_reset_in_a_call_whose_far_side_is_gone_ends_it() -> None:
    async with AsyncExitStack() as stack:
        peer = await stack.enter_async_context(raw_peer("tcp"))
        bridge = await stack.enter_async_context(one_bridge(options(timers=FAST)))
        ear = Ear(await bridge.dial(peer.uri))
        invite = await answered(ear.leg, peer)
        assert invite.writer is not None
        reset(invite.writer)
        end = await ear.leg.ended()
        assert (end.reason, end.by, end.answered) == ("connection-lost", "network", True)
        assert len(ear.of(LegEnded)) == 1


@pytest.mark.parametrize("who", ["caller", "callee"])
async def test_a_reset_in_a_call_between_two_who_live_does_not_end_it(who: str) -> None:
    async with pair("tcp") as (ours, theirs):
        here, there = await call(ours, theirs, "tcp")
        bridge, leg = (ours, here.leg) if who == "caller" else (theirs, there.leg)
        assert leg.call.flow is not None
        bridge.transports.drop(leg.call.flow)
        await soon(lambda: not ours.transports.open_connections)
        await soon(lambda: not theirs.transports.open_connections)
        async with asyncio.timeout(5):
            await here.leg.hold()
        await soon(lambda: there.leg.held_by == {"them"})
        assert here.leg.state == there.leg.state == "answered"
        here.leg.hang_up()
        assert (await there.leg.ended()).by == "them"
        assert here.of(Reattached) or there.of(Reattached)


async def test_slow_strangers_do_not_keep_a_call_away() -> None:
    async with pair("tcp") as (ours, theirs):
        port = next(each.port for each in theirs.listening if each.transport == "tcp")
        slow = [
            await asyncio.open_connection("127.0.0.1", port, local_addr=("127.0.0.7", 0))
            for _ in range(60)
        ]
        for _, writer in slow[:50]:
            writer.write(b"INVITE sip:a@127.0.0.1 SIP/2.0\r\nVia")
        await soon(lambda: theirs.transports.counters.too_many_connections == 10)
        here, there = await call(ours, theirs, "tcp")
        here.leg.hang_up()
        await there.leg.ended()
        for _, writer in slow:
            reset(writer)


async def test_digits_go_by_info_where_rtp_has_no_events() -> None:
    async with raw_peer() as peer, one_bridge() as bridge:
        ear = Ear(await bridge.dial(peer.uri))
        invite = await peer.get("INVITE")
        peer.reply(invite, "200 OK", sdp(formats="0"))
        await peer.get("ACK")
        assert await ear.leg.answered()
        ear.leg.send_dtmf("5#")
        for digit in "5#":
            info = await peer.get("INFO")
            peer.reply(info, "200 OK")
            assert info.header("Content-Type") == "application/dtmf-relay"
            assert f"Signal={digit}" in info.body.replace(" ", "")
        text = peer.request("INFO", invite, extra=("Content-Type: application/dtmf-relay",))
        body = b"Signal=7\r\nDuration=200\r\n"
        length = f"Content-Length: {len(body)}".encode()
        peer.send(text.replace(b"Content-Length: 0", length) + body, invite)
        await peer.get("SIP/2.0 200")
        assert [(e.digit, e.ms, e.way) for e in ear.of(DtmfHeard)] == [("7", 200, "info")]
        ear.leg.hang_up()
        peer.reply(await peer.get("BYE"), "200 OK")
        await ear.leg.ended()


async def test_a_private_address_is_not_offered_to_a_public_peer() -> None:
    async with one_bridge() as bridge:
        with pytest.raises(ValueError, match="set BRIDGE_ADVERTISED_IP"):
            await bridge.dial("sip:bob@8.8.8.8")
        with pytest.raises(ValueError, match="does not say where to call"):
            await bridge.dial("tel:+911234567890")
        with pytest.raises(OSError, match="no address"):
            await bridge.dial(place(bridge).replace("127.0.0.1", "nobody.invalid"))
        assert not bridge.legs


async def test_a_goodbye_that_is_lost_is_said_again_before_we_leave() -> None:
    async with raw_peer() as peer, one_bridge() as bridge:
        leg = await bridge.dial(peer.uri)
        await answered(leg, peer)
        leaving = asyncio.create_task(bridge.aclose())
        first = await peer.get("BYE")
        again = await peer.get("BYE")
        assert first.header("CSeq") == again.header("CSeq")
        assert not leaving.done()
        peer.reply(again, "200 OK")
        async with asyncio.timeout(5):
            await leaving
        assert leg.end is not None
        assert (leg.end.reason, leg.end.by) == ("shutdown", "us")


async def test_whoever_confirms_nothing_does_not_keep_us() -> None:
    async with raw_peer() as peer, one_bridge(options(drain=0.2)) as bridge:
        leg = await bridge.dial(peer.uri)
        await answered(leg, peer)
        ringing = await bridge.dial(peer.uri)
        await peer.get("INVITE")
        async with asyncio.timeout(2.5):  # 64 * T1, which it would take otherwise, is 3.2 s
            await bridge.aclose()
        assert leg.end is not None
        assert ringing.end is not None
        assert (ringing.end.answered, ringing.end.by) == (False, "us")


async def test_a_ladder_that_cannot_be_written_does_not_end_the_call() -> None:
    async with pair() as (ours, theirs):
        tried: list[str] = []

        def full(*what: object) -> None:
            tried.append(type(what[0]).__name__)
            raise OSError(28, "No space left on device")

        ours.sip_taps.append(full)
        ours.media_tap = full
        here, there = await call(ours, theirs)
        there.leg.play(tone(450, there.leg.sample_rate))
        await here.hears(450)
        here.leg.hang_up()
        assert (await there.leg.ended()).by == "them"
        assert sorted(tried) == ["SipMessage", "bool"]  # once each


@pytest.mark.parametrize(
    ("reason", "told"), [("timeout", "100 Trying"), ("giveup", "180 Ringing"), ("rejected", "")]
)
async def test_a_transfer_that_came_to_nothing_keeps_the_call(reason: str, told: str) -> None:
    async with raw_peer() as peer, one_bridge() as bridge:
        leg = await bridge.dial(peer.uri)
        invite = await answered(leg, peer)
        handing_on = asyncio.create_task(leg.transfer("sip:carol@127.0.0.1"))
        peer.reply(await peer.get("REFER"), "202 Accepted")
        state = f"Subscription-State: terminated;reason={reason}"
        extra = ("Event: refer", state, "Content-Type: message/sipfrag")
        body = f"SIP/2.0 {told}\r\n" if told else ""
        notify = peer.request("NOTIFY", invite, extra=extra, body=body)
        notify = notify.replace(b"Content-Type: application/sdp\r\n", b"")
        peer.send(notify, invite)
        outcome = await handing_on
        assert outcome.final
        assert not 200 <= outcome.status < 300
        assert leg.state == "answered"
        leg.hang_up()
        peer.reply(await peer.get("BYE"), "200 OK")
        await leg.ended()


async def test_an_invite_too_long_for_a_datagram_goes_by_tcp_where_that_is_heard() -> None:
    """RFC 3261 section 18.1.1, and back to UDP where nobody takes the connection."""
    long = {"X-Story": "a" * 1500}
    async with raw_peer() as peer, one_bridge() as bridge:
        leg = await bridge.dial(peer.uri, headers=long)
        peer.reply(await peer.get("INVITE"), "486 Busy Here")
        assert (await leg.ended()).reason == "busy"
    async with raw_peer("tcp") as peer, one_bridge() as bridge:
        leg = await bridge.dial(peer.uri.replace("transport=tcp", "transport=udp"), headers=long)
        invite = await peer.get("INVITE")
        assert "SIP/2.0/TCP" in invite.header("Via")
        peer.reply(invite, "486 Busy Here")
        assert (await leg.ended()).reason == "busy"
