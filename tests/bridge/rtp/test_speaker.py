"""What we send, packet by packet."""

from __future__ import annotations

import dataclasses
from itertools import pairwise

import pytest
from aiortp.dtmf import DtmfEvent

from bridge.rtp.codecs import decoder
from bridge.rtp.packet import RtpPacket
from bridge.rtp.speaker import Speaker
from bridge.sdp import G722, PCMA, PCMU, Codec, MediaAddress, Negotiated
from tests.bridge.rtp.sound import loudest, loudness, tone


def agreed(codec: Codec = PCMU, **changes: object) -> Negotiated:
    plain = Negotiated(
        remote=MediaAddress("198.51.100.7", 40000),
        remote_rtcp=MediaAddress("198.51.100.7", 40001),
        codec=codec,
        payload_type=codec.payload_type,
        decodes=((codec.payload_type, codec),),
        dtmf=101,
        dtmf_arrives=frozenset({101}),
    )
    return dataclasses.replace(plain, **changes)  # type: ignore[arg-type]


def speaker(codec: Codec = PCMU, **changes: object) -> Speaker:
    made = Speaker()
    made.apply(agreed(codec, **changes))
    return made


def sent(speaker: Speaker, ticks: int) -> list[RtpPacket]:
    return [packet for _ in range(ticks) for packet in speaker.tick()]


def assert_unbroken(packets: list[RtpPacket]) -> None:
    for before, after in pairwise(packets):
        assert after.sequence == (before.sequence + 1) % 2**16
        assert after.ssrc == before.ssrc


@pytest.mark.parametrize(
    ("codec", "silence"), [(PCMU, b"\xff"), (PCMA, b"\xd5"), (G722, None)], ids=str
)
def test_silence_is_sent_while_nothing_is_said(codec: Codec, silence: bytes | None) -> None:
    packets = sent(speaker(codec), 50)
    assert_unbroken(packets)
    assert [packet.marker for packet in packets] == [True] + [False] * 49
    steps = {(after.timestamp - before.timestamp) % 2**32 for before, after in pairwise(packets)}
    assert steps == {160}  # of 8 kHz, also with G722
    assert {packet.payload_type for packet in packets} == {codec.payload_type}
    assert {len(packet.payload) for packet in packets} == {160}
    if silence is not None:
        assert {packet.payload for packet in packets} == {silence * 160}
    else:
        heard = decoder(codec)
        assert loudness(b"".join(heard.decode(packet.payload) for packet in packets)) < 20


@pytest.mark.parametrize("codec", [PCMU, PCMA, G722], ids=str)
def test_what_is_played_is_sent(codec: Codec) -> None:
    speaking = speaker(codec)
    speaking.play(tone(440, 0.99, codec.sample_rate))
    assert speaking.queued_ms == 990
    heard = decoder(codec)
    pcm = b"".join(heard.decode(packet.payload) for packet in sent(speaking, 50))
    assert speaking.queued_ms == 0
    assert loudest(pcm, codec.sample_rate) == pytest.approx(440, abs=2)


def test_a_source_is_asked_when_nothing_is_queued_and_its_pieces_are_made_to_fit() -> None:
    speaking = speaker()
    pieces = iter([tone(440, 0.02), b"", None, tone(440, 0.01), tone(440, 0.05)])
    speaking.source = lambda: next(pieces)
    packets = sent(speaking, 5)
    assert {len(packet.payload) for packet in packets} == {160}
    silence = b"\xff" * 160
    assert [packet.payload == silence for packet in packets] == [False, True, True, False, False]
    assert packets[3].payload[80:] == b"\xff" * 80


def test_time_goes_on_during_a_hold_and_the_stream_says_where_it_begins_again() -> None:
    speaking = speaker()
    asked = []
    speaking.source = lambda: asked.append(1) or None  # type: ignore[func-returns-value]
    before = sent(speaking, 10)
    speaking.apply(agreed(sends=False))
    assert sent(speaking, 100) == []
    assert len(asked) == 110
    speaking.apply(agreed())
    after = sent(speaking, 10)
    assert after[0].marker
    assert after[0].sequence == (before[-1].sequence + 1) % 2**16
    assert (after[0].timestamp - before[-1].timestamp) % 2**32 == 101 * 160


def test_overdue_frames_are_left_out_and_not_said_later() -> None:
    speaking = speaker()
    speaking.play(tone(440, 0.2))
    first = sent(speaking, 2)
    for _ in range(5):
        speaking.skip()
    after = sent(speaking, 1)
    assert speaking.queued_ms == 200 - 8 * 20
    assert (after[0].timestamp - first[-1].timestamp) % 2**32 == 6 * 160
    assert speaking.overdue == 5


def test_digits_take_the_audio_s_place_and_its_numbers() -> None:
    speaking = speaker()
    speaking.play(tone(440, 1.0))
    sent(speaking, 5)
    speaking.dtmf.add("12", tone_ms=100, gap_ms=100)
    packets = sent(speaking, 30)
    assert_unbroken(packets)
    kinds = [packet.payload_type for packet in packets]
    assert kinds == [101] * 7 + [0] * 3 + [101] * 7 + [0] * 13
    ends = [DtmfEvent.parse(packet.payload).end for packet in packets if packet.payload_type]
    assert ends == ([False] * 4 + [True] * 3) * 2
    assert packets[10].timestamp == (packets[0].timestamp + 1600) % 2**32
    assert {packet.timestamp for packet in packets[:7]} == {packets[0].timestamp}
    assert packets[7].payload == b"\xff" * 160  # quiet between digits


def test_a_hold_ends_the_digit_that_was_begun_and_the_others_wait() -> None:
    speaking = speaker()
    speaking.dtmf.add("12", tone_ms=100, gap_ms=100)
    assert DtmfEvent.parse(sent(speaking, 3)[-1].payload).digit == "1"
    speaking.apply(agreed(sends=False))
    sent(speaking, 100)
    speaking.apply(agreed())
    first = sent(speaking, 1)[0]
    event = DtmfEvent.parse(first.payload)
    assert (event.digit, event.duration, first.marker) == ("2", 160, True)


def test_packets_of_10_ms_where_no_longer_ones_are_taken() -> None:
    packets = sent(speaker(ptime=10), 10)
    assert_unbroken(packets)
    assert {len(packet.payload) for packet in packets} == {80}
    assert (packets[-1].timestamp - packets[0].timestamp) % 2**32 == 19 * 80


def test_what_is_queued_survives_a_change_of_codec() -> None:
    speaking = speaker()
    speaking.play(tone(440, 1.0))
    sent(speaking, 10)
    speaking.apply(agreed(G722))
    assert speaking.sample_rate == 16000
    assert speaking.queued_ms == pytest.approx(800, abs=1)
    heard = decoder(G722)
    pcm = b"".join(heard.decode(packet.payload) for packet in sent(speaking, 40))
    assert loudest(pcm, 16000) == pytest.approx(440, abs=3)


def test_what_cannot_be_queued() -> None:
    speaking = speaker()
    with pytest.raises(ValueError, match="even number of bytes"):
        speaking.play(b"\0")
    with pytest.raises(ValueError, match="More than 600 s"):
        speaking.play(bytes(601 * 16000))
    speaking.play(bytes(16000))
    speaking.stop_playing()
    assert speaking.queued_ms == 0
