"""A quarter of a minute of fuzzing for descriptions and media; more with FUZZ_SECONDS."""

from __future__ import annotations

import pytest

from bridge.rtp.packet import RtpPacket
from bridge.rtp.reception import Reception
from bridge.rtp.reports import Reports
from bridge.rtp.speaker import Speaker
from tests.bridge.sdp import bodies
from tests.fuzz.running import fuzz, seconds

pytest.importorskip("atheris")
pytestmark = pytest.mark.slow


def descriptions() -> list[bytes]:
    real = (bodies.ASTERISK, bodies.FREESWITCH, bodies.CISCO, bodies.LINPHONE)
    return [body.encode() for body in real]


def datagrams() -> list[bytes]:
    sound = [RtpPacket(0, False, n, n * 160, 7, b"\xff" * 160).serialize() for n in range(5)]
    digit = [RtpPacket(101, False, n, 9, 7, b"\x05\x8a\x03\x20").serialize() for n in range(5, 8)]
    speaker = Speaker()
    speaker.sent = 1
    report = Reports("anna").report(speaker, Reception(), 7, 1.0)
    stream = b"".join(bytes([len(packet)]) + packet for packet in [*sound, *digit, report])
    return [stream, sound[0], report]


def test_descriptions() -> None:
    fuzzed = fuzz("tests.fuzz.sdp", descriptions(), seconds=seconds())
    assert not fuzzed.finding, fuzzed.finding
    assert fuzzed.runs > 50 * fuzzed.seconds


def test_datagrams() -> None:
    fuzzed = fuzz("tests.fuzz.rtp", datagrams(), seconds=seconds())
    assert not fuzzed.finding, fuzzed.finding
    assert fuzzed.runs > 50 * fuzzed.seconds
