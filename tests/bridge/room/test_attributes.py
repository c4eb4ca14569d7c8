"""The writer of the phone's attributes, over a LiveKit that is slow, or refuses."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import pytest

from bridge.room.attributes import Attributes
from bridge.room.hold import RemoteHold
from contract.holds import Holder, HoldState


class _LiveKit:
    def __init__(self) -> None:
        self.writes: list[dict[str, str]] = []
        self.refuses = 0
        self.refused = asyncio.Event()
        self.open = asyncio.Event()
        self.open.set()

    async def write(self, values: Mapping[str, str]) -> None:
        self.writes.append(dict(values))
        await self.open.wait()
        if self.refuses:
            self.refuses -= 1
            self.refused.set()
            raise OSError("away")


@asynccontextmanager
async def writer(livekit: _LiveKit, hold: RemoteHold | None = None) -> AsyncIterator[Attributes]:
    attributes = Attributes(livekit.write, hold or RemoteHold())
    attributes.start()
    try:
        yield attributes
    finally:
        await attributes.aclose()


async def test_what_is_set_together_is_written_together() -> None:
    livekit = _LiveKit()
    async with writer(livekit) as attributes:
        attributes.set({"call.state": "held"})
        attributes.set({"call.hold": HoldState(1).to_json()})
        await attributes.settled()
    assert livekit.writes == [{"call.state": "held", "call.hold": HoldState(1).to_json()}]


async def test_while_a_write_is_under_way_the_newest_waits() -> None:
    livekit = _LiveKit()
    livekit.open.clear()
    async with writer(livekit) as attributes:
        for state in ("ringing", "answered", "held", "answered"):
            attributes.set({"call.state": state})
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        livekit.open.set()
        await attributes.settled()
    assert livekit.writes == [{"call.state": "ringing"}, {"call.state": "answered"}]


async def test_what_was_refused_is_written_again_unless_it_is_old_by_then() -> None:
    livekit = _LiveKit()
    livekit.refuses = 1
    async with writer(livekit) as attributes:
        attributes.set({"call.state": "ringing", "sip.callStatus": "ringing"})
        await livekit.refused.wait()
        attributes.set({"call.state": "answered"})
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(attributes.settled(), 0.01)
        await attributes.settled()
    assert livekit.writes[-1] == {"call.state": "answered", "sip.callStatus": "ringing"}


async def test_a_livekit_that_came_back_gets_all_and_the_hold_as_it_stands_now() -> None:
    livekit, hold = _LiveKit(), RemoteHold()
    async with writer(livekit, hold) as attributes:
        hold.change(holds=True)
        attributes.set({"call.hold": hold.text})
        attributes.set({"call.state": "held"})
        await attributes.settled()
        both = HoldState(2, frozenset([Holder.OPERATOR, Holder.REMOTE]))
        assert hold.seen(both.to_json()) is None
        attributes.again()
        await attributes.settled()
    last = livekit.writes[-1]
    assert last["call.state"] == "held"
    assert HoldState.parse(last["call.hold"]) == both


async def test_nothing_was_ever_set() -> None:
    livekit = _LiveKit()
    async with writer(livekit) as attributes:
        attributes.again()
        await attributes.settled()
    assert not livekit.writes
