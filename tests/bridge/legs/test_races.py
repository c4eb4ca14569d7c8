"""Answer, hang-up, hold and keys in the same milliseconds: always one end on each side, and the
two sides agree on whether there was a call."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress

import pytest

from bridge.legs import Bridge, Leg, LegEnded, LegOver, Refused
from tests.bridge.legs.rig import Ear, pair, place

pytestmark = pytest.mark.slow

CALLS = 60


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_many_calls_whose_ends_cross_everything(transport: str) -> None:
    dice = random.Random(transport)
    async with pair(transport, max_calls=CALLS) as (ours, theirs):
        answering = _Answering(dice)
        theirs.on_incoming = answering.take
        target = place(theirs, transport)
        calls = [_call(ours, target, dice, number * 0.03) for number in range(CALLS)]
        async with asyncio.timeout(60):
            ears = await asyncio.gather(*calls)
            await asyncio.gather(*answering.tasks)
        for ear in (*ears, *answering.ears):
            assert len(ear.of(LegEnded)) == 1
            assert isinstance(ear.events[-1], LegEnded)
        ends = [ear.leg.end for ear in ears]
        assert {end.answered for end in ends if end is not None} == {True, False}
        billed_here = sum(end.answered for end in ends if end is not None)
        billed_there = sum(ear.leg.end.answered for ear in answering.ears if ear.leg.end)
        assert billed_here == billed_there


async def _call(bridge: Bridge, target: str, dice: random.Random, begins: float) -> Ear:
    gives_up, holds = dice.uniform(0, 0.12), dice.random() < 0.4
    await asyncio.sleep(begins)
    ear = Ear(await bridge.dial(target))
    await asyncio.sleep(gives_up)
    if holds and ear.leg.state == "answered":
        holding = asyncio.create_task(_try_to_hold(ear.leg))
        await asyncio.sleep(0.002)
        ear.leg.hang_up()
        await holding
    ear.leg.hang_up()
    await ear.leg.ended()
    return ear


async def _try_to_hold(leg: Leg) -> None:
    try:
        await leg.hold()
        leg.send_dtmf("1")
        await leg.resume()
    except (LegOver, Refused):
        return


class _Answering:
    def __init__(self, dice: random.Random) -> None:
        self.ears: list[Ear] = []
        self.tasks: list[asyncio.Task[None]] = []
        self._dice = dice

    def take(self, leg: Leg) -> None:
        self.ears.append(Ear(leg))
        work = self._answer(leg, self._dice.uniform(0, 0.08), self._dice.uniform(0, 0.1))
        self.tasks.append(asyncio.create_task(work))

    async def _answer(self, leg: Leg, rings: float, talks: float) -> None:
        leg.ring()
        await asyncio.sleep(rings)
        if leg.state == "ringing":
            with suppress(LegOver):  # they gave up in this very moment
                await leg.accept()
        await asyncio.sleep(talks)
        leg.hang_up()
        await leg.ended()
