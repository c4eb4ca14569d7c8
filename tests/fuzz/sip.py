"""atheris target: SIP messages, one after the other, into a user agent with a live call.
`python -m tests.fuzz.sip [libFuzzer's options]`."""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["bridge.sip"]):
    from bridge.sip import Ended, Framer, FramingError, IncomingCall, OfferReceived, ReferReceived

from tests.bridge.sip.network import ANSWER
from tests.bridge.sip.peer import Peer

SEPARATOR = b"\n==\n"
"""Between two messages of one input."""
LONGER_THAN_ANY_TIMER = 400.0


def live() -> Peer:
    """Always the same call, with the same tags: `tests.fuzz.test_sip_target` makes seeds of it."""
    peer = Peer("tcp")
    peer.answered()
    return peer


def one_input(data: bytes) -> None:
    peer, heard = live(), 0
    peer.now += 1
    for message in data.split(SEPARATOR):
        framer = Framer()
        try:
            framed = framer.feed(message, peer.now)
        except FramingError as error:
            if not str(error).endswith("."):
                raise RuntimeError("no sentence") from error
            framed = []
        for each in [message, *(whole for whole in framed if isinstance(whole, bytes))]:
            peer.receive(each)
        heard = answer_events(peer, heard)
        peer.wait(0.3)
    peer.wait(LONGER_THAN_ANY_TIMER)
    for call in peer.ua.calls:
        call.hang_up(peer.now)
    peer.wait(LONGER_THAN_ANY_TIMER)
    assert peer.ua.calls == ()
    ended = [event.call.id for event in peer.events(Ended)]
    assert len(ended) == len(set(ended)) == 1 + len(peer.events(IncomingCall))
    # RFC 4028 may keep a timer for a day; nothing else outlives its call.
    assert peer.ua.deadline is None, "a timer is left behind"


def answer_events(peer: Peer, heard: int) -> int:
    """What a leg would do, at once."""
    for event in peer.seen[heard:]:
        if isinstance(event, IncomingCall):
            event.call.ring(peer.now)
            event.call.accept(ANSWER, peer.now)
        elif isinstance(event, OfferReceived):
            event.call.answer(ANSWER, peer.now)
        elif isinstance(event, ReferReceived):
            event.call.accept_refer(peer.now)
            event.call.notify_refer(200, peer.now)
    heard = len(peer.seen)
    peer.drain()
    return heard


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
