from __future__ import annotations

import asyncio

from agents.atlas.silence import SilenceWatchdog
from contract.assistants import SilenceOptions
from tests.agents import virtual_clock

OPTIONS = SilenceOptions(reprompt_after=10, reprompts=("Hello?", "Anybody?"))


class Stage:
    """Records what the watchdog does, and when."""

    def __init__(self, options: SilenceOptions = OPTIONS) -> None:
        self.happened: list[tuple[float, str]] = []
        self.watchdog = SilenceWatchdog(
            options, say=self._note, give_up=lambda: self._note("gave up")
        )

    def _note(self, what: str) -> None:
        self.happened.append((virtual_clock.now(), what))


def test_two_reprompts_then_the_call_is_given_up_once() -> None:
    async def story() -> None:
        stage = Stage()
        stage.watchdog.start()
        stage.watchdog.is_quiet(True)
        await asyncio.sleep(120)
        assert stage.happened == [(10, "Hello?"), (20, "Anybody?"), (30, "gave up")]

    virtual_clock.run(story())


def test_nothing_counts_while_somebody_speaks_or_the_call_is_on_hold() -> None:
    async def story() -> None:
        stage = Stage()
        stage.watchdog.start()
        await asyncio.sleep(60)  # before the gate it was never quiet
        stage.watchdog.is_quiet(True)
        await asyncio.sleep(9)
        stage.watchdog.is_quiet(False)
        await asyncio.sleep(600)
        stage.watchdog.is_quiet(True)
        await asyncio.sleep(9)
        assert stage.happened == []
        await asyncio.sleep(2)
        assert stage.happened == [(679, "Hello?")]

    virtual_clock.run(story())


def test_being_told_the_same_again_does_not_restart_the_count() -> None:
    async def story() -> None:
        stage = Stage()
        stage.watchdog.start()
        for _ in range(11):
            stage.watchdog.is_quiet(True)
            await asyncio.sleep(1)
        assert stage.happened == [(10, "Hello?")]

    virtual_clock.run(story())


def test_a_word_of_the_caller_starts_the_reprompts_anew() -> None:
    async def story() -> None:
        stage = Stage()
        stage.watchdog.start()
        stage.watchdog.is_quiet(True)
        await asyncio.sleep(25)
        stage.watchdog.heard()
        await asyncio.sleep(11)
        assert stage.happened == [(10, "Hello?"), (20, "Anybody?"), (35, "Hello?")]

    virtual_clock.run(story())


def test_an_assistant_may_wait_for_ever() -> None:
    async def story() -> None:
        stage = Stage(SilenceOptions(reprompt_after=1, reprompts=(), end_call=False))
        stage.watchdog.start()
        stage.watchdog.is_quiet(True)
        await asyncio.sleep(100)
        assert stage.happened == []

    virtual_clock.run(story())


def test_a_closed_watchdog_is_still() -> None:
    async def story() -> None:
        stage = Stage()
        stage.watchdog.start()
        stage.watchdog.is_quiet(True)
        await stage.watchdog.aclose()
        stage.watchdog.is_quiet(False)
        stage.watchdog.is_quiet(True)
        await asyncio.sleep(100)
        assert stage.happened == []

    virtual_clock.run(story())
