from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from livekit.agents.llm import ChatChunk, ChoiceDelta
from livekit.agents.types import FlushSentinel

from agents.atlas.fillers import Chunk, FillerController
from contract.assistants import FillerOptions
from tests.agents import virtual_clock

OPTIONS = FillerOptions(enabled=True, words=("One moment.", "Let me see."), delay=1.5)


async def answer(delay: float, *, opens_empty: bool = False) -> AsyncIterator[Chunk]:
    if opens_empty:
        yield ChatChunk(id="1", delta=ChoiceDelta(role="assistant", content=""))
    await asyncio.sleep(delay)
    yield "The answer"
    await asyncio.sleep(30)
    yield " is yes."


async def said(controller: FillerController, chunks: AsyncIterator[Chunk]) -> list[str]:
    words: list[str] = []
    async for chunk in controller.ahead_of(chunks):
        if isinstance(chunk, str):
            words.append(f"{virtual_clock.now():g} {chunk.strip()}")
        elif isinstance(chunk, FlushSentinel):
            words.append("flush")
    return words


def started(options: FillerOptions = OPTIONS, *, may_speak: bool = True) -> FillerController:
    controller = FillerController(options, may_speak=lambda: may_speak)
    controller.start()
    return controller


def test_a_late_answer_gets_one_word_ahead_and_a_pause_inside_gets_none() -> None:
    async def story() -> None:
        words = await said(started(), answer(4))
        assert words == ["1.5 One moment.", "flush", "4 The answer", "34 is yes."]

    virtual_clock.run(story())


def test_a_quick_answer_gets_none() -> None:
    async def story() -> None:
        assert await said(started(), answer(1)) == ["1 The answer", "31 is yes."]

    virtual_clock.run(story())


def test_an_empty_first_chunk_is_no_answer_yet() -> None:
    async def story() -> None:
        words = await said(started(), answer(4, opens_empty=True))
        assert words[:2] == ["1.5 One moment.", "flush"]

    virtual_clock.run(story())


def test_a_word_that_is_due_before_the_turn_is_decided_comes_once_it_is() -> None:
    async def story() -> None:
        controller = FillerController(OPTIONS, may_speak=lambda: virtual_clock.now() > 2.25)
        controller.start()
        words = await said(controller, answer(4))
        assert words == ["2.3 One moment.", "flush", "4 The answer", "34 is yes."]

    virtual_clock.run(story())


def test_words_take_turns() -> None:
    async def story() -> None:
        controller = started()
        firsts = [(await said(controller, answer(4)))[0].partition(" ")[2] for _ in range(3)]
        assert firsts == ["One moment.", "Let me see.", "One moment."]

    virtual_clock.run(story())


def test_no_word_in_hold_nor_when_switched_off_nor_after_close() -> None:
    async def story() -> None:
        closed = started()
        await closed.aclose()
        for controller in (
            started(may_speak=False),
            started(FillerOptions(enabled=False)),
            FillerController(OPTIONS, may_speak=lambda: True),
            closed,
        ):
            assert len(await said(controller, answer(4))) == 2

    virtual_clock.run(story())


def test_a_dropped_answer_closes_its_source() -> None:
    async def story() -> None:
        closed = []

        async def source() -> AsyncIterator[Chunk]:
            try:
                yield "The"
                await asyncio.sleep(100)
            finally:
                closed.append(True)

        chunks = started().ahead_of(source())
        assert await anext(chunks) == "The"
        await chunks.aclose()  # type: ignore[attr-defined]
        assert closed == [True]

    virtual_clock.run(story())
