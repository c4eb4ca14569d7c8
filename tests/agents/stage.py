"""Atlas' voice on livekit's real session, with a mind, a mouth and an ear of the tests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from livekit.agents import Agent, AgentSession, llm

from agents.atlas.floor import Closed, Floor
from agents.atlas.hold import HoldMode
from agents.atlas.opening import CallOpening
from agents.atlas.rehearsal import Rehearsal
from agents.atlas.voice import Voice
from contract.assistants import OpeningOptions
from contract.rooms import Opening
from tests.agents.models import Ear, Mouth, Thinker

GREETING = "Welcome to the Blue Door."  # half a second


class Stage:
    def __init__(self, mouth: Mouth, mind: Thinker) -> None:
        self.mouth, self.mind = mouth, mind
        self.ear = Ear()
        self.floor = Floor()
        self.session: AgentSession[None] = AgentSession(
            llm=mind, tts=mouth, vad=None, turn_handling={"turn_detection": "manual"}
        )
        self.voice = Voice(self.session, self.floor)
        self.hold = HoldMode(self.floor, self.voice)
        self.floor.on_change(lambda: self.floor.is_open and self.voice.take_up())

    def rehearsal(self, options: OpeningOptions) -> Rehearsal:
        return Rehearsal(self.session, options, options.text)

    def opening(self, options: OpeningOptions, rehearsal: Rehearsal | None = None) -> CallOpening:
        async def record() -> None:
            await asyncio.sleep(0.01)

        return CallOpening(
            Opening.FIRST,
            options,
            resume_line="",
            floor=self.floor,
            voice=self.voice,
            record=record,
            rehearsal=rehearsal,
        )

    def said(self) -> list[str]:
        items = self.session.history.items
        return [
            item.text_content or ""
            for item in items
            if item.type == "message" and item.role == "assistant"
        ]


@asynccontextmanager
async def staged(
    mouth: Mouth | None = None,
    mind: Thinker | None = None,
    *,
    answered: bool = True,
    tools: Sequence[llm.Tool] = (),
) -> AsyncIterator[Stage]:
    stage = Stage(mouth or Mouth(), mind or Thinker())
    stage.session.output.audio = stage.ear
    await stage.session.start(Agent(instructions="Be kind.", tools=list(tools)))
    stage.voice.start()
    if answered:
        stage.floor.clear(Closed.GATE)
    try:
        yield stage
    finally:
        await stage.voice.aclose()
        await stage.session.aclose()


async def until(holds: Callable[[], object], patience: float = 20.0) -> None:
    async with asyncio.timeout(patience):
        while not holds():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def until_heard(ear: Ear, seconds: float) -> None:
    await asyncio.wait_for(ear.heard_for(seconds), 20)
