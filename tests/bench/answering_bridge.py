"""`python -m tests.bench.answering_bridge`: takes every call, with audio, until stdin ends.

Prints its TCP port, and at the end one JSON line: for each re-INVITE the milliseconds from the turn
in which its last byte was read to the write of its answer.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time

import uvloop

from bridge.addresses import Listen
from bridge.ladder.record import SipMessage
from bridge.legs import Bridge, BridgeOptions, Leg
from bridge.rtp import PortRange
from engine.logs import set_up_logs

_MAX_CALLS = 200


class Stopwatch:
    def __init__(self) -> None:
        self.milliseconds: list[float] = []
        self._asked: dict[bytes, float] = {}

    def __call__(self, message: SipMessage) -> None:
        key = transaction(message.data)
        if not message.sent and is_reinvite(message.data):
            self._asked[key] = time.perf_counter()
        elif message.sent and message.data.startswith(b"SIP/2.0 200") and key in self._asked:
            self.milliseconds.append((time.perf_counter() - self._asked.pop(key)) * 1000)


def _header(data: bytes, name: bytes) -> bytes:
    return data.partition(b"\r\n" + name + b": ")[2].partition(b"\r\n")[0]


def is_reinvite(data: bytes) -> bool:
    return data.startswith(b"INVITE ") and b";tag=" in _header(data, b"To")


def transaction(data: bytes) -> bytes:
    return _header(data, b"Call-ID") + b" " + _header(data, b"CSeq")


async def _serve() -> None:
    watch = Stopwatch()
    options = BridgeOptions(
        listen=(Listen("tcp", "127.0.0.1", 0),),
        ports=PortRange(40_000, 44_998),
        max_calls=_MAX_CALLS,
        media_timeout=120.0,
    )
    bridge = Bridge(options)
    bridge.sip_taps.append(watch)
    accepting: set[asyncio.Task[None]] = set()

    def _take(leg: Leg) -> None:
        task = asyncio.create_task(leg.accept())
        accepting.add(task)
        task.add_done_callback(accepting.discard)

    bridge.on_incoming = _take
    await bridge.start()
    print(bridge.listening[0].port, flush=True)
    await asyncio.to_thread(sys.stdin.read)
    print(json.dumps(watch.milliseconds), flush=True)
    await bridge.aclose()


if __name__ == "__main__":
    set_up_logs("bridge", "WARNING", "console")
    uvloop.run(_serve())
