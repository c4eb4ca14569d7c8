from __future__ import annotations

import asyncio

import pytest

from engine.shared_check import SharedCheck


class Checked:
    """Something that is looked at, and how often it was."""

    def __init__(self) -> None:
        self.now = 100.0
        self.looks = 0
        self.fails = False
        self.is_free = asyncio.Event()
        self.is_free.set()
        self.shared: SharedCheck[int] = SharedCheck(5.0, clock=lambda: self.now)

    async def look(self) -> int:
        self.looks += 1
        await self.is_free.wait()
        if self.fails:
            raise ConnectionError
        return self.looks

    async def ask(self) -> int:
        return await self.shared(self.look)


async def test_all_who_ask_at_once_share_one_look() -> None:
    one = Checked()
    one.is_free.clear()
    asking = [asyncio.create_task(one.ask()) for _ in range(10)]
    await asyncio.sleep(0)
    asking.pop().cancel()  # takes the answer from nobody
    one.now += 60  # however long it takes
    one.is_free.set()
    assert await asyncio.gather(*asking) == [1] * 9


async def test_what_was_found_is_kept_for_a_while() -> None:
    one = Checked()
    seen = []
    for seconds in (0.0, 4.9, 0.2, 4.9, 5.0):
        one.now += seconds
        seen.append(await one.ask())
    assert seen == [1, 1, 2, 2, 3]


async def test_a_failure_is_not_kept() -> None:
    one = Checked()
    one.fails = True
    for _ in range(2):
        with pytest.raises(ConnectionError):
            await one.ask()
    one.fails = False
    assert await one.ask() == 3
