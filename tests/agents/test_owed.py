from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from agents.atlas.owed import OwedAnswer
from tests.agents.models import Thinker
from tests.agents.stage import Stage, staged, until, until_heard

pytestmark = pytest.mark.asyncio

HANGS = 3600.0


@contextmanager
def watched(stage: Stage) -> Iterator[tuple[OwedAnswer, list[bool]]]:
    """What is owed, and whether it was whenever an answer was over."""
    over: list[bool] = []
    owed = OwedAnswer(stage.session, over=lambda: over.append(owed.is_due))
    owed.start()
    yield owed, over


async def test_an_answer_is_owed_until_it_is_said() -> None:
    async with staged(mind=Thinker("From noon until eleven.", takes=0.2)) as stage:
        with watched(stage) as (owed, over):
            assert not owed.is_due
            stage.session.generate_reply(user_input="When are you open?")
            await until(lambda: owed.is_due)
            await until_heard(stage.ear, 0.1)
            assert owed.is_due
            await until(lambda: over)
            assert over == [False]
            assert stage.said() == ["From noon until eleven."]


async def test_a_model_that_hangs_owes_its_answer_until_it_is_interrupted() -> None:
    async with staged(mind=Thinker("Never.", takes=HANGS)) as stage:
        with watched(stage) as (owed, over):
            stage.session.generate_reply(user_input="When are you open?")
            await until(lambda: owed.is_due)
            stage.session.interrupt()
            assert not owed.is_due
            await until(lambda: over)


async def test_what_is_said_of_our_own_accord_is_no_answer() -> None:
    async with staged() as stage:
        with watched(stage) as (owed, over):
            stage.voice.say("Are you still there?")
            await until_heard(stage.ear, 0.1)
            assert not owed.is_due
            await until(stage.said)
            assert not over
