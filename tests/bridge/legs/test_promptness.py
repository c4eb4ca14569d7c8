"""A re-INVITE is answered in the turn of the loop that read it, whatever else waits."""

from __future__ import annotations

import asyncio

import pytest

from bridge.ladder.record import SipMessage
from bridge.legs import HoldKind, LegEvent
from tests.bridge.legs.rig import call, pair, soon


@pytest.mark.parametrize("kind", [HoldKind.SENDONLY, HoldKind.DELAYED])
@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_nothing_runs_between_a_hold_and_its_answer(transport: str, kind: HoldKind) -> None:
    async with pair(transport) as (ours, theirs):
        here, there = await call(ours, theirs, transport)
        order: list[str] = []
        loop = asyncio.get_running_loop()

        def note(message: SipMessage) -> None:
            if message.data.startswith(b"INVITE "):
                order.append("hold")
                loop.call_soon(order.append, "the rest of the process")
            elif message.sent and message.data.startswith(b"SIP/2.0 200"):
                order.append("answer")

        def told(event: LegEvent) -> None:
            order.append("told")

        theirs.sip_taps.append(note)
        there.leg.on_event = told
        await here.leg.hold(kind)
        await soon(lambda: len(order) >= 4)
        assert order[:2] == ["hold", "answer"]
        assert set(order[2:]) == {"told", "the rest of the process"}
