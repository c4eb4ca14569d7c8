"""What is heard through a network that does all that networks do (F29), judged by the sound."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from bridge.rtp.packet import RtpPacket, is_rtcp
from tests.bridge.impairing_proxy import Impairment, Rewrite
from tests.bridge.rtp.pair import talking
from tests.bridge.rtp.sound import clear, found, loudest, speech, tone

pytestmark = [
    pytest.mark.slow,
    pytest.mark.real_time,  # sound in real time: what the process sleeps through is heard
]

SECONDS = 3.0


def repacked(ptime: int) -> Rewrite:
    """The same sound in packets of another length (PCMU: 8 bytes a millisecond)."""
    pending = bytearray()
    numbers = [0, 0]

    def rewrite(data: bytes) -> list[bytes]:
        if is_rtcp(data):
            return [data]
        packet = RtpPacket.parse(data)
        pending.extend(packet.payload)
        out = []
        while len(pending) >= ptime * 8:
            payload = bytes(pending[: ptime * 8])
            del pending[: ptime * 8]
            numbers[0] += 1
            out.append(
                packet._replace(
                    sequence=numbers[0] & 0xFFFF, timestamp=numbers[1], payload=payload
                ).serialize()
            )
            numbers[1] += ptime * 8
        return out

    return rewrite


def changed(change: Callable[[int, RtpPacket], RtpPacket]) -> Rewrite:
    """Each packet as `change` makes it, who is told how many there were before."""
    count = [0]

    def rewrite(data: bytes) -> list[bytes]:
        if is_rtcp(data):
            return [data]
        count[0] += 1
        return [change(count[0], RtpPacket.parse(data)).serialize()]

    return rewrite


def wrapping(number: int, packet: RtpPacket) -> RtpPacket:
    return packet._replace(
        sequence=65500 + number & 0xFFFF, timestamp=2**32 - 9600 + number * 160 & 0xFFFFFFFF
    )


def another_source(number: int, packet: RtpPacket) -> RtpPacket:
    if number < 60:
        return packet._replace(ssrc=1)
    return packet._replace(ssrc=2, sequence=9 + number, timestamp=77 + number * 160)


def jumping(number: int, packet: RtpPacket) -> RtpPacket:
    jump = 5_000_000 if number > 60 else 0
    return packet._replace(timestamp=number * 160 + jump, sequence=number)


NETWORKS = {
    # what it does, and the share of the time (by tenths of a second) in which the tone is clear
    "clean": (Impairment(), 0.95),
    "60 ms jitter": (Impairment(jitter=0.06), 0.8),
    "5 % loss": (Impairment(loss=0.05), 0.75),
    "duplicates": (Impairment(duplication=0.3), 0.9),
    "all at once": (Impairment(loss=0.05, duplication=0.05, jitter=0.06), 0.65),
    "10 ms": (Impairment(rewrite=repacked(10)), 0.9),
    "30 ms": (Impairment(rewrite=repacked(30)), 0.9),
    "40 ms": (Impairment(rewrite=repacked(40)), 0.9),
    "wrap": (Impairment(rewrite=changed(wrapping)), 0.9),
    "another source": (Impairment(rewrite=changed(another_source)), 0.8),
    "timestamp jump": (Impairment(rewrite=changed(jumping)), 0.85),
}


async def test_a_tone_is_heard_through_all_of_them() -> None:
    """Eleven calls at once: each takes the three seconds that it needs."""
    calls = [hear_a_tone(impairment) for impairment, _ in NETWORKS.values()]
    heard = dict(zip(NETWORKS, await asyncio.gather(*calls), strict=True))
    for name, (sound, buffer_ms) in heard.items():
        assert loudest(sound) == pytest.approx(440, abs=3), name
        assert clear(sound, 440) >= NETWORKS[name][1], name
        assert buffer_ms <= 245, name
        assert len(sound) == pytest.approx((SECONDS - 0.3) * 16000, rel=0.05), name


async def hear_a_tone(impairment: Impairment) -> tuple[bytes, float]:
    async with talking(impaired=True) as (here, there, proxy):
        proxy.to_left = impairment
        there.media.play(tone(440, SECONDS + 1))
        await asyncio.sleep(SECONDS)
        return bytes(here.heard[int(0.3 * 16000) :]), here.media.quality().buffer_ms


async def test_speech_keeps_its_order_and_its_time_through_jitter() -> None:
    async with talking(impaired=True) as (here, there, proxy):
        proxy.to_left = Impairment(jitter=0.04, duplication=0.2)
        said = speech(2)
        there.media.play(said)
        await asyncio.sleep(2.3)
        pieces = [said[at : at + 3200] for at in range(16000, 30000, 3200)]  # 0.2 s each
        places = [found(bytes(here.heard), piece) for piece in pieces]
        # Where the buffer changes its delay, 20 ms are left out or made up within a piece.
        clear_ones = [
            (number, position) for number, (like, position) in enumerate(places) if like > 0.6
        ]
        assert len(clear_ones) >= 3
        first, begin = clear_ones[0]
        for number, position in clear_ones:
            assert position - begin == pytest.approx((number - first) * 1600, abs=1000)
        quality = here.media.quality()
        assert 3 < quality.jitter_ms < 40
        assert quality.duplicated > 5


async def test_the_buffer_is_back_two_seconds_after_the_jitter() -> None:
    async with talking(impaired=True) as (here, there, proxy):
        proxy.to_left.jitter = 0.1
        there.media.play(tone(440, 10))
        await asyncio.sleep(2)
        assert here.media.quality().buffer_ms > 60
        proxy.to_left.jitter = 0.0
        await asyncio.sleep(2.2)
        assert here.media.quality().buffer_ms <= 70


async def test_loss_is_counted() -> None:
    async with talking(impaired=True) as (here, _there, proxy):
        proxy.to_left.loss = 0.1
        await asyncio.sleep(1.5)
        quality = here.media.quality()
        share = quality.lost / (quality.lost + quality.received)
        assert 0.02 < share < 0.3
        assert quality.mos is not None
        assert quality.mos < 4.2
