from __future__ import annotations

import asyncio

import pytest

from agents.atlas.withheld import (
    PATIENCE_BEFORE_THE_FIRST_WORD_SECONDS,
    PATIENCE_SECONDS,
    WithheldAnswer,
)
from tests.agents import virtual_clock


class Stage:
    """An answer that waits or not, and when it was let go."""

    def __init__(self) -> None:
        self.waiting = False
        self.has_begun = True
        self.let_go: list[float] = []
        self.guard = WithheldAnswer(
            patience=self.patience,
            release=lambda: self.let_go.append(virtual_clock.now()),
        )

    def patience(self) -> float | None:
        if not self.waiting:
            return None
        return PATIENCE_SECONDS if self.has_begun else PATIENCE_BEFORE_THE_FIRST_WORD_SECONDS


def test_an_answer_that_is_kept_back_is_let_go_after_patience() -> None:
    async def story() -> None:
        stage = Stage()
        stage.guard.start()
        await asyncio.sleep(10)
        stage.waiting = True
        await asyncio.sleep(1)
        stage.waiting = False
        await asyncio.sleep(60)
        await stage.guard.aclose()
        [at] = stage.let_go
        assert 10.6 <= at <= 10.9

    virtual_clock.run(story())


def test_an_answer_that_has_not_begun_is_let_go_at_once() -> None:
    async def story() -> None:
        stage = Stage()
        stage.has_begun = False
        stage.guard.start()
        await asyncio.sleep(10)
        stage.waiting = True
        await asyncio.sleep(0.35)
        stage.waiting = False
        await asyncio.sleep(60)
        await stage.guard.aclose()
        [at] = stage.let_go
        assert 10.1 <= at <= 10.35

    virtual_clock.run(story())


def test_an_answer_that_comes_in_time_is_left_alone() -> None:
    async def story() -> None:
        stage = Stage()
        stage.guard.start()
        for _ in range(20):
            stage.waiting = True
            await asyncio.sleep(0.6)
            stage.waiting = False
            await asyncio.sleep(0.3)
        await stage.guard.aclose()
        assert stage.let_go == []

    virtual_clock.run(story())


def test_it_tries_again_while_the_answer_is_still_kept_back() -> None:
    async def story() -> None:
        stage = Stage()
        stage.guard.start()
        stage.waiting = True
        await asyncio.sleep(2.2)
        await stage.guard.aclose()
        await asyncio.sleep(10)
        assert stage.let_go == pytest.approx([0.7, 1.4, 2.1])

    virtual_clock.run(story())
