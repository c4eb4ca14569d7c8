"""Media sessions on real sockets."""

from __future__ import annotations

import asyncio
import socket
import time
from functools import partial

import pytest

from bridge.rtp import MediaSession, PortRange, PortsExhausted
from bridge.rtp.packet import RtpPacket
from bridge.sdp import G722, PCMU, Codec, MediaAddress, SrtpPolicy
from tests.bridge.rtp.pair import HOST, PORTS, talking
from tests.bridge.rtp.sound import likeness, share_at, speech, tone
from tests.bridge.rtp.stillness import on_a_still_machine

pytestmark = [
    pytest.mark.slow,
    pytest.mark.real_time,  # sound in real time: what the process sleeps through is heard
]


@pytest.mark.parametrize("codec", [PCMU, G722], ids=str)
@pytest.mark.parametrize("srtp", ["refused", "required"])
async def test_a_call_with_sound_and_digits(codec: Codec, srtp: SrtpPolicy) -> None:
    await on_a_still_machine(partial(talk_and_press, codec, srtp))


async def talk_and_press(codec: Codec, srtp: SrtpPolicy) -> None:
    async with talking(codec, srtp=srtp) as (here, there, _):
        said = speech(0.6, codec.sample_rate)
        there.media.play(said)
        here.media.send_dtmf("7#", tone_ms=80, gap_ms=60)
        await there.media.played()
        await asyncio.sleep(0.4)
        part = slice(codec.sample_rate // 2, codec.sample_rate)  # a quarter of a second
        assert likeness(bytes(here.heard), said[part]) > 0.8
        assert there.digits == [("7", 80), ("#", 80)]
        quality = here.media.quality()
        assert quality.lost == quality.dropped == 0
        assert quality.mos is not None
        assert quality.mos > 3.5  # one packet in fifty that came late costs 0.4


async def test_injected_packets_are_not_heard_and_draw_no_sound() -> None:
    """F27: 200 packets a second from another socket of the same address, and from another one."""
    await on_a_still_machine(be_injected_with_noise)


async def be_injected_with_noise() -> None:
    async with talking() as (here, there, _):
        there.media.play(tone(440, 10))
        await asyncio.sleep(0.3)
        spoof = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        other = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        spoof.bind((HOST, 0))
        other.bind(("127.0.0.2", 0))
        spoof.setblocking(False)
        other.setblocking(False)
        before, began = len(here.heard), time.monotonic()
        noise = tone(2000, 0.02)[::2]
        for number in range(200):
            packet = RtpPacket(0, False, number, number * 160, 666, noise).serialize()
            for sender in (spoof, other):
                sender.sendto(packet, (HOST, here.media.local_port))
            await asyncio.sleep(max(0.0, began + (number + 1) * 0.005 - time.monotonic()))
        assert here.media.quality().dropped == 400
        assert share_at(bytes(here.heard[before:]), 440) > 0.98
        assert here.media.remote == MediaAddress(HOST, there.media.local_port)
        for sender in (spoof, other):
            with pytest.raises(BlockingIOError):
                sender.recv(2000)
            sender.close()


async def test_an_end_of_all_packets_is_told_and_a_hold_is_not() -> None:
    async with talking(timeout=0.3) as (here, there, _):
        await asyncio.sleep(0.1)
        there.media.muted = True
        await asyncio.sleep(0.6)
        assert here.timeouts == 1
        held = there.negotiation.offer("inactive")
        there.negotiation.accept_answer(here.negotiation.answer_to(held))
        here.apply()
        await asyncio.sleep(0.5)
        assert here.timeouts == 1
        resumed = there.negotiation.offer("sendrecv")
        there.negotiation.accept_answer(here.negotiation.answer_to(resumed))
        here.apply()
        await asyncio.sleep(0.5)
        assert here.timeouts == 2


async def test_after_close_there_is_neither_packet_nor_callback() -> None:
    async with talking() as (here, there, _):
        taps: list[bool] = []
        there.media.play(tone(440, 5))
        await asyncio.sleep(0.2)
        here.media.tap = lambda sent, *_: taps.append(sent)
        here.media.close()
        assert taps == [True]  # the BYE
        heard, timeouts = len(here.heard), here.timeouts
        await asyncio.sleep(0.1)
        assert (len(here.heard), here.timeouts, len(taps)) == (heard, timeouts, 1)
        await here.media.aclose()
        await here.media.aclose()
        assert here.media.quality().received > 5


async def test_the_tap_sees_both_directions() -> None:
    async with talking() as (here, there, _):
        seen = set()
        here.media.tap = lambda sent, data, local, remote: seen.add((sent, local, remote))
        await asyncio.sleep(0.1)
        ours = MediaAddress(HOST, here.media.local_port)
        theirs = MediaAddress(HOST, there.media.local_port)
        assert seen == {(True, ours, theirs), (False, ours, theirs)}


async def test_a_session_that_is_not_used_gives_its_ports_back() -> None:
    ports = PortRange(PORTS.first, PORTS.last, rest=0.0)
    session = await MediaSession.open(ports, HOST)
    assert ports.in_use == 1
    await session.aclose()
    await session.aclose()
    assert ports.in_use == 0


async def test_an_exhausted_range_is_an_error_and_not_a_leak() -> None:
    first = await MediaSession.open(PORTS, HOST)
    try:
        narrow = PortRange(first.local_port, first.local_port + 1)
        with pytest.raises(PortsExhausted, match="1 taken by other programs"):
            await MediaSession.open(narrow, HOST)
        assert narrow.in_use == 0
    finally:
        await first.aclose()


async def test_waiting_for_what_is_played_ends_with_the_session() -> None:
    async with talking() as (here, _, _proxy):
        here.media.play(tone(440, 60))
        waiting = asyncio.create_task(here.media.played())
        await asyncio.sleep(0.05)
        assert not waiting.done()
        here.media.close()
        await asyncio.wait_for(waiting, 1)


async def test_digits_that_cannot_be_sent() -> None:
    session = await MediaSession.open(PORTS, HOST)
    try:
        assert not session.can_send_dtmf
        with pytest.raises(ValueError, match="takes no telephone events"):
            session.send_dtmf("1")
    finally:
        await session.aclose()
