"""A call's media as a whole, on virtual time and without sockets."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bridge.rtp.dtmf import Digit
from bridge.rtp.media import Media
from bridge.rtp.packet import RtpPacket
from bridge.sdp import (
    G722,
    PCMA,
    PCMU,
    Codec,
    Direction,
    LocalMedia,
    MediaAddress,
    Negotiation,
    SrtpPolicy,
)
from tests.bridge.rtp.sound import likeness, loudest, loudness, share_at, speech, tone

HERE, THERE = MediaAddress("192.0.2.10", 30000), MediaAddress("198.51.100.7", 40000)
STRANGER = MediaAddress("203.0.113.66", 40000)
TICK = 0.02


class Side:
    """One end: its media, its description, and what it heard."""

    def __init__(self, address: MediaAddress, codecs: tuple[Codec, ...], srtp: SrtpPolicy) -> None:
        self.address = address
        self.media = Media(timeout=15.0)
        self.negotiation = Negotiation(LocalMedia(*address, codecs, srtp=srtp))
        self.heard = bytearray()
        self.digits: list[Digit] = []
        self.sent = 0
        self.timeouts: list[float] = []

    def apply(self, now: float) -> None:
        assert self.negotiation.current is not None
        self.media.apply(self.negotiation.current, now)


class Call:
    """Two ends and nothing between them; a packet takes no time unless `loses` takes it away."""

    def __init__(self, codecs: tuple[Codec, ...] = (PCMU,), srtp: SrtpPolicy = "refused") -> None:
        self.now = 1000.0
        self.here, self.there = Side(HERE, codecs, srtp), Side(THERE, codecs, srtp)
        self.loses_from_there = False
        self.offer(self.here, "sendrecv")

    def offer(self, side: Side, direction: Direction) -> None:
        other = self.there if side is self.here else self.here
        side.negotiation.accept_answer(
            other.negotiation.answer_to(side.negotiation.offer(direction))
        )
        self.here.apply(self.now)
        self.there.apply(self.now)

    def run(self, seconds: float) -> None:
        for _ in range(round(seconds / TICK)):
            self.now += TICK
            for side, other in ((self.here, self.there), (self.there, self.here)):
                self.tick(side, other)

    def tick(self, side: Side, other: Side, missed: int = 0) -> None:
        sending = side.media.say(self.now, missed)
        heard, digits = side.media.hear(self.now, missed)
        side.heard += b"".join(heard)
        side.digits += digits
        if side.media.is_silent(self.now):
            side.timeouts.append(self.now)
        if self.loses_from_there and side is self.there:
            return
        for datagram in sending:
            port = side.address.port + datagram.is_rtcp
            source = MediaAddress(side.address.host, port)
            other.digits += other.media.receive(datagram.data, source, self.now)
            side.sent += 1


@pytest.mark.parametrize("codec", [PCMU, PCMA, G722], ids=str)
@pytest.mark.parametrize("srtp", ["refused", "required"])
def test_what_is_said_is_heard_both_ways(codec: Codec, srtp: SrtpPolicy) -> None:
    call = Call((codec,), srtp)
    rate = codec.sample_rate
    there, here = speech(2, rate, 1), speech(2, rate, 2)
    call.there.media.speaker.play(there)
    call.here.media.speaker.play(here)
    call.run(3)
    assert len(call.here.heard) == 3 * rate * 2
    assert likeness(bytes(call.here.heard), there[: rate * 3]) > 0.95
    assert likeness(bytes(call.there.heard), here[: rate * 3]) > 0.95
    assert call.here.media.listener.malformed == 0
    quality = call.here.media.quality()
    assert (quality.lost, quality.late, quality.dropped, quality.concealed_ms) == (0, 0, 0, 0)
    assert quality.mos is not None
    assert quality.mos > 4.3


def test_the_silence_between_words_is_quiet() -> None:
    call = Call()
    call.run(1)
    call.there.media.speaker.play(tone(440, 0.5))
    call.run(2)
    assert loudness(bytes(call.here.heard[:15000])) < 10
    assert loudness(bytes(call.here.heard[-15000:])) < 10
    assert loudest(bytes(call.here.heard)) == pytest.approx(440, abs=3)


def test_digits_are_heard_once_and_their_tone_is_not_made_up_as_sound() -> None:
    call = Call()
    call.there.media.speaker.play(tone(440, 0.5))
    call.run(0.5)
    call.there.media.speaker.dtmf.add("15#", tone_ms=120, gap_ms=80)
    call.run(1.5)
    assert call.here.digits == [Digit("1", 120), Digit("5", 120), Digit("#", 120)]
    assert call.here.media.quality().concealed_ms == 0
    assert loudness(bytes(call.here.heard[-2 * 8000 :])) < 10


@pytest.mark.parametrize("direction", ["sendonly", "inactive"])
def test_nothing_is_said_to_a_side_that_holds_and_all_is_said_after_it(
    direction: Direction,
) -> None:
    call = Call()
    call.run(1)
    call.offer(call.there, direction)
    sent = call.here.media.speaker.sent
    call.here.media.speaker.play(tone(440, 5))
    call.run(4)
    assert call.here.media.speaker.sent == sent
    call.offer(call.there, "sendrecv")
    heard = len(call.there.heard)
    call.here.media.speaker.stop_playing()
    call.here.media.speaker.play(tone(1000, 1))
    call.run(1.1)
    after = bytes(call.there.heard[heard:])
    assert loudest(after) == pytest.approx(1000, abs=3)
    assert share_at(after, 440) < 0.01  # what fell into the hold is not said later


def test_music_on_hold_is_heard_and_inactive_is_not() -> None:
    call = Call()
    call.run(0.5)
    call.offer(call.there, "sendonly")
    call.there.media.speaker.play(tone(600, 20))
    call.run(1)
    assert loudest(bytes(call.here.heard[-8000:])) == pytest.approx(600, abs=3)
    call.offer(call.there, "inactive")
    heard = len(call.here.heard)
    call.run(1)
    assert len(call.here.heard) == heard


def test_nothing_from_before_a_hold_is_heard_after_it() -> None:
    call = Call()
    call.there.media.speaker.play(tone(440, 30))
    call.run(2)
    call.offer(call.there, "inactive")
    call.there.media.speaker.stop_playing()
    call.run(2)
    call.offer(call.there, "sendrecv")
    heard = len(call.here.heard)
    call.run(1)
    assert loudness(bytes(call.here.heard[heard:])) < 10


def test_silence_on_the_wire_is_told_once_at_its_time() -> None:
    call = Call()
    call.run(5)
    stopped = call.now
    call.loses_from_there = True
    call.run(60)
    assert call.here.timeouts == [pytest.approx(stopped + 15, abs=0.05)]


def test_a_call_without_any_packet_times_out_too() -> None:
    call = Call()
    call.loses_from_there = True
    call.run(20)
    assert call.here.timeouts == [pytest.approx(1015, abs=0.05)]


@pytest.mark.parametrize("direction", ["sendonly", "inactive"])
def test_half_an_hour_of_hold_is_no_timeout_and_afterwards_it_counts_anew(
    direction: Direction,
) -> None:
    call = Call()
    call.run(2)
    call.offer(call.there, direction)
    call.loses_from_there = True
    for _ in range(1800):
        call.now += 1.0
        assert not call.here.media.is_silent(call.now)
    call.offer(call.there, "sendrecv")
    resumed = call.now
    call.run(14.9)
    assert call.here.timeouts == []
    call.run(10)
    assert call.here.timeouts == [pytest.approx(resumed + 15, abs=0.05)]


def test_nothing_is_expected_before_the_call_is_answered() -> None:
    call = Call()
    assert call.here.negotiation.current is not None
    call.here.media.apply(call.here.negotiation.current, call.now, early=True)
    call.loses_from_there = True
    call.run(20)
    assert call.here.timeouts == []


def test_reports_alone_are_no_sound() -> None:
    """One-way audio: RTCP goes on, and nobody is heard."""
    call = Call()
    call.run(1)
    call.there.negotiation.current = replace(call.there.negotiation.current, sends=False)  # type: ignore[type-var]
    call.there.apply(call.now)
    stopped = call.now
    call.run(40)
    assert call.here.timeouts == [pytest.approx(stopped + 15, abs=0.05)]


def test_a_stranger_s_packets_are_neither_heard_nor_answered() -> None:
    call = Call()
    call.there.media.speaker.play(tone(440, 10))
    call.run(1)
    noise = RtpPacket(0, False, 0, 0, 666, b"\x00" * 160)
    for number in range(200):
        packet = noise._replace(sequence=number, timestamp=number * 160).serialize()
        call.here.media.receive(packet, STRANGER, call.now)
        call.run(0.02)
    assert call.here.media.quality().dropped == 200
    assert call.here.media.listener.latch is not None
    assert call.here.media.listener.latch.remote == THERE
    assert share_at(bytes(call.here.heard[8000:]), 440) > 0.99


@pytest.mark.parametrize(
    "data", [b"", b"\x80", bytes(12), b"\x80\xc8", b"\x81\xc9\x00\x00", b"\x80\x00" + bytes(3000)]
)
def test_malformed_datagrams_are_counted_and_harmless(data: bytes) -> None:
    call = Call()
    call.run(0.2)
    assert call.here.media.receive(data, THERE, call.now) == []
    assert call.here.media.quality().dropped == 1
    call.run(0.2)
    assert call.here.media.quality().lost == 0


def test_packets_of_no_use_are_counted() -> None:
    call = Call()
    call.run(0.2)
    ssrc, sequence = call.there.media.speaker.ssrc, call.there.media.speaker._sequence
    for kind, payload in ((18, b"g729"), (13, b"\x40"), (101, b"\x01")):
        sequence += 1
        packet = RtpPacket(kind, False, sequence & 0xFFFF, 0, ssrc, payload)
        call.here.media.receive(packet.serialize(), THERE, call.now)
    assert call.here.media.quality().dropped == 2  # comfort noise is silence, and no fault


def test_encrypted_calls_take_no_plain_or_foreign_packet() -> None:
    call = Call((PCMU,), "required")
    call.run(0.5)
    received = call.here.media.quality().received
    plain = RtpPacket(0, False, 7, 7, call.there.media.speaker.ssrc, b"\x00" * 160).serialize()
    call.here.media.receive(plain, THERE, call.now)
    call.here.media.receive(plain + bytes(10), THERE, call.now)
    quality = call.here.media.quality()
    assert (quality.received, quality.dropped) == (received, 2)


def test_encrypted_calls_survive_a_hold_and_reports_are_encrypted_too() -> None:
    call = Call((PCMU,), "required")
    call.run(3)
    call.offer(call.there, "sendonly")
    call.run(3)
    call.offer(call.there, "sendrecv")
    call.there.media.speaker.play(tone(440, 1))
    call.run(8)
    quality = call.here.media.quality()
    assert (quality.dropped, quality.lost) == (0, 0)
    assert quality.remote_lost == 0
    assert share_at(bytes(call.here.heard[-8 * 16000 : -7 * 16000]), 440) > 0.95


@pytest.mark.parametrize(("missed", "sent"), [(0, 1), (1, 2), (2, 3), (3, 3), (50, 3)])
def test_after_a_stall_little_is_made_up_for_and_the_rest_is_dropped(
    missed: int, sent: int
) -> None:
    call = Call()
    call.there.media.speaker.play(tone(440, 30))
    call.run(1)
    count, stamp = call.there.media.speaker.sent, call.there.media.speaker.timestamp
    call.now += TICK * (missed + 1)
    call.tick(call.there, call.here, missed)
    assert call.there.media.speaker.sent - count == sent
    assert (call.there.media.speaker.timestamp - stamp) % 2**32 == 160 * (missed + 1)
    call.tick(call.here, call.there, missed)
    call.run(4)
    assert call.here.media.quality().buffer_ms <= 55


def test_a_sequence_that_begins_anew_under_the_same_source_is_heard() -> None:
    """A border controller that anchors the call elsewhere, after a transfer for instance."""
    for timestamps_go_on in (True, False):
        call = Call()
        call.there.media.speaker.play(tone(440, 30))
        call.run(5)
        call.there.media.speaker._sequence = (call.there.media.speaker._sequence - 20_000) % 2**16
        if not timestamps_go_on:
            call.there.media.speaker.timestamp = 77
        heard = len(call.here.heard)
        call.run(3)
        assert share_at(bytes(call.here.heard[heard:]), 440) > 0.95
        assert call.here.media.quality().buffer_ms <= 55


def test_one_stray_packet_does_no_harm() -> None:
    call = Call()
    call.there.media.speaker.play(tone(440, 30))
    call.run(2)
    speaker = call.there.media.speaker
    forged = RtpPacket(0, False, (speaker._sequence + 20_000) % 2**16, 5, speaker.ssrc, b"\0" * 160)
    call.here.media.receive(forged.serialize(), THERE, call.now)
    heard = len(call.here.heard)
    call.run(3)
    assert share_at(bytes(call.here.heard[heard:]), 440) > 0.999
    quality = call.here.media.quality()
    assert (quality.dropped, quality.lost, quality.late) == (1, 0, 0)


def test_a_stall_of_our_own_is_no_jitter_of_the_network() -> None:
    """What waited in the kernel is stamped with the time of its reading."""
    call = Call()
    call.there.media.speaker.play(tone(440, 30))
    call.run(2)
    before = call.here.media.quality()
    waiting = []
    for _ in range(25):
        waiting += call.there.media.say(call.now)
        call.there.media.hear(call.now)
        call.now += TICK
    for datagram in waiting:
        call.here.media.receive(datagram.data, THERE, call.now)
    call.tick(call.here, call.there, 24)
    heard = len(call.here.heard)
    call.run(3)
    quality = call.here.media.quality()
    assert call.here.media.listener.buffer.inserted == 0
    assert quality.buffer_ms <= before.buffer_ms + 1
    assert quality.jitter_ms < 5
    assert share_at(bytes(call.here.heard[heard:]), 440) > 0.99


def test_an_old_style_hold_sends_not_even_reports() -> None:
    call = Call()
    call.run(2)
    zero = call.there.negotiation.offer("sendonly").replace("198.51.100.7", "0.0.0.0")
    call.here.negotiation.answer_to(zero)
    call.here.apply(call.now)
    sent = call.here.sent
    for _ in range(1000):
        call.now += TICK
        call.tick(call.here, call.there)
    assert call.here.sent == sent
    assert call.here.media.farewell() == []
    assert call.here.timeouts == []


def test_the_farewell_frees_the_way_for_another_source() -> None:
    call = Call()
    call.run(1)
    for datagram in call.there.media.farewell():
        call.here.media.receive(datagram.data, MediaAddress(THERE.host, 40001), call.now)
    other = Media()
    assert call.there.negotiation.current is not None
    other.apply(call.there.negotiation.current, call.now)
    call.there.media = other
    other.speaker.play(tone(440, 1))
    call.run(1)
    assert share_at(bytes(call.here.heard[-12000:-2000]), 440) > 0.95
