"""How fast the bridge answers a hold: a carrier hangs up on whoever is slow or wrong."""

from __future__ import annotations

import asyncio
import json
import time

from bridge.addresses import Listen
from bridge.ladder.record import SipMessage
from bridge.legs import Bridge, BridgeOptions, HoldKind, Leg, LegOver, Refused
from bridge.rtp import PortRange
from tests.bench.answering_bridge import is_reinvite, transaction
from tests.bench.figures import Budget, Figure, Measured
from tests.bench.load import Tell
from tests.bench.other_process import line_of, other_process

CALLS = 50
_REINVITES = 1000
_BUDGET = Budget(99, 5)
_EVERY = 0.02
_KINDS = (HoldKind.SENDONLY, HoldKind.INACTIVE, HoldKind.ZERO, HoldKind.SESSION)


class RoundTrips:
    """From our write of a re-INVITE to its 200 read here."""

    def __init__(self) -> None:
        self.milliseconds: list[float] = []
        self._sent: dict[bytes, float] = {}

    def __call__(self, message: SipMessage) -> None:
        now, key = time.perf_counter(), transaction(message.data)
        if message.sent and is_reinvite(message.data):
            self._sent[key] = now
        elif not message.sent and message.data.startswith(b"SIP/2.0 200") and key in self._sent:
            self.milliseconds.append((now - self._sent.pop(key)) * 1000)


async def measure(scale: float, tell: Tell) -> Figure:
    number = max(100, round(_REINVITES * scale))
    figure = Figure(
        "Re-INVITE answered",
        f"A bridge in a process of its own (uvloop) with {CALLS} answered calls, PCMU both ways at "
        "50 packets a second, from another process. A further call over TCP is put on hold "
        "(sendonly, inactive, c=0.0.0.0, session level) or resumed every "
        f"{_EVERY * 1000:.0f} ms. On the wire: from that caller's write to its read of the 200. "
        "Inside: from the turn of the loop that read the re-INVITE to the write of the 200.",
    )
    wire = figure.row("on the wire", budget=_BUDGET)
    inside = figure.row("inside the bridge")
    async with other_process("tests.bench.answering_bridge") as answering:
        port = int(await line_of(answering))
        tell(f"opening {CALLS} calls")
        async with other_process("tests.bench.calling_bridge", str(port), str(CALLS)) as calling:
            answered = int(await line_of(calling))
            tell(f"{number} holds and resumes")
            wire.values += await _one_call(port, number, wire)
        assert answering.stdin is not None
        answering.stdin.close()
        inside.values += json.loads(await line_of(answering))
    figure.notes.append(f"{answered} of {CALLS} calls were answered and lasted meanwhile.")
    return figure


async def _one_call(port: int, number: int, row: Measured) -> list[float]:
    options = BridgeOptions(
        listen=(Listen("tcp", "127.0.0.1", 0),), ports=PortRange(39_000, 39_998)
    )
    bridge, trips = Bridge(options), RoundTrips()
    bridge.sip_taps.append(trips)
    await bridge.start()
    try:
        leg = await bridge.dial(f"sip:bench@127.0.0.1:{port};transport=tcp")
        if await leg.answered():
            await _press(leg, number, row)
    finally:
        await bridge.aclose()
    return trips.milliseconds


async def _press(leg: Leg, number: int, row: Measured) -> None:
    begun = time.monotonic()
    for index in range(number):
        await asyncio.sleep(max(0.0, begun + index * _EVERY - time.monotonic()))
        try:
            if index % 2:
                await leg.resume()
            else:
                await leg.hold(_KINDS[index // 2 % len(_KINDS)])
        except Refused as error:
            row.fail(error)
        except LegOver as error:
            row.fail(error)
            return
