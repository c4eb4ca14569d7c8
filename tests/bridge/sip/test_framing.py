from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.sip import Framer, FramingError, KeepAlive, MessageLimits

BODY = b"v=0\r\n\r\no=- 1"
MESSAGE = b"INFO sip:a@b SIP/2.0\r\nVia: x\r\nContent-Length: %d\r\n\r\n%s" % (len(BODY), BODY)
BARE = b"OPTIONS sip:a@b SIP/2.0\r\nl : 0\r\n\r\n"


def messages(found: list[bytes | KeepAlive]) -> list[bytes]:
    return [each for each in found if isinstance(each, bytes)]


@pytest.mark.parametrize("cut", range(len(MESSAGE + BARE)))
def test_a_stream_cut_at_any_byte_gives_the_same_messages(cut: int) -> None:
    framer = Framer()
    stream = MESSAGE + BARE
    found = framer.feed(stream[:cut], 0) + framer.feed(stream[cut:], 0)
    assert found == [MESSAGE, BARE]
    assert framer.deadline is None


def test_byte_by_byte() -> None:
    framer = Framer()
    found = [each for byte in MESSAGE * 3 for each in framer.feed(bytes([byte]), 0)]
    assert found == [MESSAGE] * 3


@given(st.lists(st.sampled_from([MESSAGE, BARE, b"\r\n\r\n", b"\r\n"])), st.randoms())
def test_any_pieces_of_any_messages(parts: list[bytes], random: object) -> None:
    stream, framer, found, at = b"".join(parts), Framer(), [], 0
    while at < len(stream):
        size = random.randint(1, 40)  # type: ignore[attr-defined]
        found += framer.feed(stream[at : at + size], 0)
        at += size
    assert messages(found) == [part for part in parts if part.strip()]


def test_a_ping_is_told_from_a_blank_line_before_a_message() -> None:
    framer = Framer()
    found = framer.feed(b"\r\n\r\n" + b"\r\n" + MESSAGE, 0)
    assert isinstance(found[0], KeepAlive)
    assert messages(found) == [MESSAGE]


@pytest.mark.parametrize(
    ("head", "sentence"),
    [
        (b"Content-Length: -1", "no number of bytes"),
        (b"Content-Length: 1x", "no number of bytes"),
        (b"Content-Length: ", "no number of bytes"),
        (b"Content-Length: 99999999999999999999", "no number of bytes"),
        (b"Content-Length: 1\r\nl: 2", "two different"),
        (b"Content-Length: 65537", "longer than 65536"),
        (b"Content-Type: application/sdp", "has no Content-Length"),
        (b"\r\n".join(b"X-%d: 1" % n for n in range(70)), "more than 64 headers"),
        (b"X: " + b"x" * 9000, "longer than 8192"),
    ],
)
def test_what_cannot_be_framed_closes_the_connection(head: bytes, sentence: str) -> None:
    with pytest.raises(FramingError, match=sentence):
        Framer().feed(b"INFO sip:a@b SIP/2.0\r\n" + head + b"\r\n\r\n", 0)


def test_headers_without_an_end_are_not_kept() -> None:
    framer = Framer()
    for _ in range(8):
        framer.feed(b"X" * 1000, 0)
    with pytest.raises(FramingError, match="longer than 8192"):
        framer.feed(b"X" * 1000, 0)


def test_lengths_in_every_spelling() -> None:
    for spelling in (b"Content-Length:3", b"l: 3", b"CONTENT-LENGTH \t:\t 3", b"L:\r\n  3"):
        framer = Framer()
        message = b"INFO sip:a@b SIP/2.0\r\nX: y\r\n" + spelling + b"\r\n\r\nabc"
        assert framer.feed(message + BARE, 0) == [message, BARE]


def test_a_slow_stranger_has_five_seconds_for_a_first_message() -> None:
    framer = Framer(opened=10.0)
    framer.feed(b"\r\n\r\n", 12.0)
    assert framer.deadline == 15.0
    framer.feed(MESSAGE, 13.0)
    assert framer.deadline is None


def test_a_message_that_begins_has_five_seconds_to_end() -> None:
    framer = Framer(MessageLimits(first_message=5))
    assert framer.deadline is None
    framer.feed(MESSAGE[:10], 20.0)
    framer.feed(MESSAGE[10:20], 24.0)
    assert framer.deadline == 25.0
