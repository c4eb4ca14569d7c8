"""How many calls' media one process of the bridge bears, and what it adds to the sound's way."""

from __future__ import annotations

import asyncio
import json

from tests.bench.figures import Budget, Figure
from tests.bench.load import Tell
from tests.bench.media_relay import Relayed
from tests.bench.other_process import line_of, other_process

_CALLS = (50, 100, 200, 400)
_WATCHED = 20
_SECONDS = 10.0
_SETTLE = 2.0  # s until all have latched and found their delay
_WORTH_ALL = 0.2  # below this scale it is only to be seen that it works
_PACER = Budget(99, 2)
_CLEAN, _ROUGH = Budget(99, 70), Budget(99, 90)
_JITTER = 0.02


async def measure_relay(scale: float, tell: Tell) -> Figure:
    figure = Figure(
        "Media: calls in one process",
        "A process (uvloop) whose calls say back what they hear: PCMU at 50 packets a second each "
        "way through latch, jitter buffer, decoder, queue, encoder and pacer; the phones are in "
        "another process on the same machine. Late: from when a call's 20 ms tick was due until "
        "its turn began.",
    )
    for calls in _CALLS if scale >= _WORTH_ALL else _CALLS[:1]:
        tell(f"media of {calls} calls")
        relayed, sent, received = await _relayed(calls, 0.0, _SECONDS * min(1.0, max(scale, 0.2)))
        late = figure.row(f"pacer late, {calls} calls", budget=_PACER)
        late.values += relayed.late_ms
        if relayed.missed:
            figure.notes.append(f"{calls} calls: {relayed.missed} ticks were missed.")
        cpu = figure.row(f"CPU a call, {calls} calls", unit="% of a core")
        cpu.add(100 * relayed.cpu_seconds / relayed.seconds / calls)
        figure.notes.append(
            f"{calls} calls: {100 * relayed.cpu_seconds / relayed.seconds:.0f} % of a core, "
            f"{relayed.memory_mb:.0f} MB; of {sent} packets {relayed.lost} lost and "
            f"{relayed.late} late at the bridge, {received} came back."
        )
    return figure


async def measure_delay(scale: float, tell: Tell) -> Figure:
    figure = Figure(
        "Media: delay added by the bridge",
        f"Marks in the sound of {_WATCHED} calls, one each half a second. In: from the datagram at "
        "the socket to its PCM at the room's side (jitter buffer and pacer). Out: from the PCM to "
        "its datagram, once the room's queue is asked for it. Jitter: each packet is up to "
        f"{_JITTER * 1000:.0f} ms late, on top of what the network does. The packet's own 20 ms "
        "are in neither.",
    )
    for name, jitter, budget in (
        ("no jitter", 0.0, _CLEAN),
        (f"{_JITTER * 1000:.0f} ms jitter", _JITTER, _ROUGH),
    ):
        tell(f"delay of media, {name}")
        seconds = _SECONDS * min(1.0, max(scale, 0.2))
        relayed, _, _ = await _relayed(_WATCHED, jitter, seconds, watched=True)
        figure.row(f"in, {name}", budget=budget).values.extend(relayed.waited_ms)
        figure.row(f"out, {name}").values.extend(relayed.left_ms)
    return figure


async def _relayed(
    calls: int, jitter: float, seconds: float, *, watched: bool = False
) -> tuple[Relayed, int, int]:
    """What the relay says, and packets that the phones sent and got back."""
    async with other_process("tests.bench.phones", str(calls), str(jitter)) as phones:
        port = (await line_of(phones)).decode().strip()
        options = ["watched"] if watched else []
        async with other_process("tests.bench.media_relay", str(calls), port, *options) as relay:
            assert phones.stdin is not None
            assert relay.stdin is not None
            phones.stdin.write(await line_of(relay))
            await asyncio.sleep(_SETTLE)
            relay.stdin.write(b"\n")
            await asyncio.sleep(seconds)
            relay.stdin.close()
            relayed = Relayed(**json.loads(await line_of(relay)))
        phones.stdin.close()
        sent, received = json.loads(await line_of(phones))
    return relayed, sent, received
