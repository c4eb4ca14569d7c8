"""One bridge and one SIPp for the length of one scenario."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bridge.addresses import Listen
from bridge.legs import Bridge, BridgeOptions, Leg, LegEnd, LegEvent
from tests.bridge.ports import audio_ports
from tests.bridge.sipp.process import Sipp
from tests.bridge.sipp.script import Role
from tests.bridge.sipp.trace import Trace

_PATIENCE = 15.0


@dataclass
class Stage:
    bridge: Bridge
    sipp: Sipp = field(init=False)
    told: list[LegEvent] = field(default_factory=list)
    """What the bridge said of its leg, in order."""
    _calls: asyncio.Queue[Leg] = field(default_factory=asyncio.Queue)
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    async def dial(self, **options: Any) -> Leg:
        """The bridge calls SIPp."""
        leg = await self.bridge.dial(self.sipp.uri, **options)
        leg.on_event = self._tell
        return leg

    async def dial_and_be_answered(self, **options: Any) -> Leg:
        leg = await self.dial(**options)
        assert await asyncio.wait_for(leg.answered(), _PATIENCE), leg.end
        return leg

    async def incoming(self) -> Leg:
        """SIPp calls the bridge."""
        return await asyncio.wait_for(self._calls.get(), _PATIENCE)

    async def accept(self) -> Leg:
        leg = await self.incoming()
        leg.ring()
        await leg.accept()
        return leg

    async def until(self, event: LegEvent | type[LegEvent]) -> None:
        """Until the bridge has told that, or an event of that kind."""
        async with asyncio.timeout(_PATIENCE):
            while not any(
                isinstance(each, event) if isinstance(event, type) else each == event
                for each in self.told
            ):
                self._news.clear()
                await self._news.wait()

    async def end_of(self, leg: Leg) -> LegEnd:
        return await asyncio.wait_for(leg.ended(), _PATIENCE)

    async def passed(self) -> Trace:
        return await self.sipp.passed()

    def _tell(self, event: LegEvent) -> None:
        self.told.append(event)
        self._news.set()

    @property
    def no_further_call(self) -> bool:
        return self._calls.empty()

    def _taken(self, leg: Leg) -> None:
        leg.on_event = self._tell
        self._calls.put_nowait(leg)


@dataclass(frozen=True)
class Case:
    role: Role
    """SIPp's."""
    scenario: str
    play: Callable[[Stage], Awaitable[None]]
    exact: bool
    fill: dict[str, str]
    options: dict[str, Any]

    async def run(self, transport: str, folder: Path) -> None:
        async with _stage(self, transport, folder) as stage:
            try:
                await self.play(stage)
            except Exception as error:
                words = f"{type(error).__name__}: {error}"
                raise AssertionError(
                    f"{words}\nThe bridge told: {stage.told}\n{stage.sipp.story()}"
                ) from error
            await asyncio.sleep(0)
            assert stage.bridge.legs == (), "a leg was left over"


CASES: list[Case] = []
Play = Callable[[Stage], Awaitable[None]]


def against(
    role: Role,
    scenario: str,
    *,
    exact: bool = False,
    fill: dict[str, str] | None = None,
    **opts: Any,
) -> Callable[[Play], Play]:
    """Registers a scenario that SIPp plays in this role against a bridge with these options."""

    def register(play: Play) -> Play:
        CASES.append(Case(role, scenario, play, exact, fill or {}, opts))
        return play

    return register


@asynccontextmanager
async def _stage(case: Case, transport: str, folder: Path) -> AsyncIterator[Stage]:
    listen = (Listen("udp", "127.0.0.1", 0), Listen("tcp", "127.0.0.1", 0))
    options = {"listen": listen, "ports": audio_ports(), "drain": 1.0} | case.options
    bridge = Bridge(BridgeOptions(**options))
    await bridge.start()
    stage = Stage(bridge)
    bridge.on_incoming = stage._taken
    try:
        port = next(each.port for each in bridge.listening if each.transport == transport)
        async with Sipp.run(
            case.role,
            case.scenario,
            transport,
            folder,
            bridge=port,
            exact=case.exact,
            fill=case.fill,
        ) as sipp:
            stage.sipp = sipp
            yield stage
    finally:
        await bridge.aclose()
