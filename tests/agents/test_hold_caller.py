"""The assistant's tool `hold_caller`, on livekit's real session."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from agents.atlas.tools.hold_caller import HoldCaller
from contract.assistants import HoldCallerTool
from tests.agents.models import Thinker
from tests.agents.rig import eventually
from tests.agents.stage import Stage, staged

OPTIONS = HoldCallerTool(
    enabled=True, before="Hold the line.", after="Here I am again.", seconds=20.0
)


@asynccontextmanager
async def asking(asked: Callable[[Stage, float], None]) -> AsyncIterator[Stage]:
    """An assistant whose first answer is to put the caller on hold."""
    async with staged(mind=Thinker("hold_caller()", "You are welcome.")) as stage:
        tool = HoldCaller(
            OPTIONS,
            floor=stage.floor,
            voice=stage.voice,
            asked=lambda seconds: asked(stage, seconds),
        )
        await stage.session.current_agent.update_tools([tool.tool()])
        try:
            yield stage
        finally:
            await tool.aclose()


async def until(condition: Callable[[], bool]) -> None:
    async def look() -> bool:
        return condition()

    await eventually(look, 10, "it never came")


def is_at_work() -> bool:
    return any(task.get_name() == "hold_caller" for task in asyncio.all_tasks())


async def test_it_says_so_before_the_hold_and_speaks_first_after_it() -> None:
    wishes: list[tuple[float, list[str]]] = []

    def hold(stage: Stage, seconds: float) -> None:
        wishes.append((seconds, stage.said()))
        stage.hold.change(1, True)  # as the workflow has it

    async with asking(hold) as stage:
        stage.session.generate_reply(user_input="One moment, I must find my card.")
        await until(lambda: bool(wishes))
        assert wishes == [(20.0, ["Hold the line."])]
        assert len(stage.mind.asked) == 1  # the tool wants no answer
        stage.hold.change(2, False)
        await until(lambda: "Here I am again." in stage.said())
        assert len(wishes) == 1


async def test_while_another_holds_it_asks_for_nothing() -> None:
    wishes: list[float] = []
    async with asking(lambda stage, seconds: wishes.append(seconds)) as stage:
        stage.session.generate_reply(user_input="One moment, please.")
        await until(lambda: "Hold the line." in stage.mouth.asked)
        stage.hold.change(1, True)  # an operator, in the middle of it
        await until(lambda: not is_at_work())
        stage.hold.change(2, False)
        stage.session.generate_reply(user_input="I have it.")
        await until(lambda: "You are welcome." in stage.said())
        assert wishes == []
        assert "Here I am again." not in stage.said()
