from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from agents.alive import INTERVAL, Watch
from tests.agents import virtual_clock


class Stage:
    """One phone that beats until it is killed, and who watches it."""

    def __init__(self) -> None:
        self.answer: bool | None = False
        self.ping_takes = 0.1
        self.connected = True
        self.pings: list[float] = []
        self.lost: list[tuple[float, str]] = []
        self.last_heard: list[datetime] = []
        self.watch = Watch(ping=self._ping, can_hear=lambda: self.connected, on_lost=self._lost)
        self.watch.start()
        self._beating: asyncio.Task[None] | None = None

    async def _ping(self, identity: str) -> bool | None:
        self.pings.append(virtual_clock.now())
        await asyncio.sleep(self.ping_takes)
        return self.answer

    def _lost(self, identity: str, last_heard_at: datetime) -> None:
        self.lost.append((virtual_clock.now(), identity))
        self.last_heard.append(last_heard_at)

    async def beats_until(self, end: float) -> None:
        while virtual_clock.now() < end:
            self.watch.beat("phone")
            await asyncio.sleep(INTERVAL)


def test_a_killed_phone_is_noticed_within_two_seconds_and_once() -> None:
    async def story() -> None:
        stage = Stage()
        stage.ping_takes = 0.475  # nobody answers
        await stage.beats_until(10)
        before = datetime.now(UTC)
        await asyncio.sleep(60)
        [(at, who)] = stage.lost
        assert who == "phone"
        assert 11 <= at <= 9.5 + 2.1
        assert len(stage.pings) == 1
        assert (before - stage.last_heard[0]).total_seconds() == pytest.approx(2, abs=1)
        await stage.watch.aclose()

    virtual_clock.run(story())


def test_who_answers_the_ping_is_there() -> None:
    async def story() -> None:
        stage = Stage()
        stage.answer = True
        stage.watch.beat("phone")
        await asyncio.sleep(10)
        assert stage.lost == []
        assert len(stage.pings) >= 5
        await stage.watch.aclose()

    virtual_clock.run(story())


def test_a_beat_during_the_ping_counts() -> None:
    async def story() -> None:
        stage = Stage()
        stage.ping_takes = 0.475
        stage.watch.beat("phone")
        await asyncio.sleep(1.8)
        stage.watch.beat("phone")
        await asyncio.sleep(0.6)
        assert stage.lost == []
        await stage.watch.aclose()

    virtual_clock.run(story())


def test_who_left_is_not_missed_and_who_never_beat_neither() -> None:
    async def story() -> None:
        stage = Stage()
        await stage.beats_until(5)
        stage.watch.forget("phone")
        stage.watch.forget("somebody")
        await asyncio.sleep(60)
        assert (stage.lost, stage.pings) == ([], [])
        await stage.watch.aclose()

    virtual_clock.run(story())


def test_who_leaves_while_it_is_pinged_is_not_missed() -> None:
    async def story() -> None:
        stage = Stage()
        stage.ping_takes = 0.475
        stage.watch.beat("phone")
        await asyncio.sleep(1.7)
        stage.watch.forget("phone")
        await asyncio.sleep(60)
        assert stage.lost == []
        await stage.watch.aclose()

    virtual_clock.run(story())


def test_nobody_is_missed_while_livekit_is_away_and_everybody_has_time_afterwards() -> None:
    async def story() -> None:
        stage = Stage()
        await stage.beats_until(5)
        stage.connected = False
        await asyncio.sleep(20)
        stage.connected = True
        await asyncio.sleep(1.4)
        assert (stage.lost, stage.pings) == ([], [])
        await stage.beats_until(30)
        assert stage.lost == []
        await asyncio.sleep(3)
        assert len(stage.lost) == 1
        await stage.watch.aclose()

    virtual_clock.run(story())


def test_a_ping_that_nobody_could_answer_blames_nobody() -> None:
    async def story() -> None:
        stage = Stage()
        stage.answer = None
        stage.watch.beat("phone")
        await asyncio.sleep(10)
        assert stage.lost == []
        stage.answer = False
        await asyncio.sleep(0.7)
        [(at, _)], [last_heard] = stage.lost, stage.last_heard
        # Told at once, and with the moment at which it was really heard.
        assert (datetime.now(UTC) - last_heard).total_seconds() == pytest.approx(at, abs=1)
        await stage.watch.aclose()

    virtual_clock.run(story())


def test_who_comes_back_is_watched_again() -> None:
    async def story() -> None:
        stage = Stage()
        stage.watch.beat("phone")
        await asyncio.sleep(5)
        await stage.beats_until(10)
        await asyncio.sleep(5)
        assert len(stage.lost) == 2
        await stage.watch.aclose()

    virtual_clock.run(story())


class Clock:
    """The loop's own clock, which can be made to jump as it does when the process stood still."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        loop = asyncio.get_running_loop()
        self._skipped = 0.0
        real = loop.time
        monkeypatch.setattr(loop, "time", lambda: real() + self._skipped)

    def jump(self, seconds: float) -> None:
        self._skipped += seconds


async def silent(_: str) -> bool:
    return False


async def test_a_process_that_stood_still_blames_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    lost: list[str] = []
    watch = Watch(ping=silent, can_hear=lambda: True, on_lost=lambda who, _: lost.append(who))
    watch.start()
    watch.beat("phone")
    await asyncio.sleep(0.1)
    clock.jump(2.9)
    await asyncio.sleep(0.5)
    assert lost == []
    await watch.aclose()


async def test_on_a_machine_that_stumbles_all_the_time_the_gone_are_noticed_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = Clock(monkeypatch)
    lost: list[str] = []
    watch = Watch(ping=silent, can_hear=lambda: True, on_lost=lambda who, _: lost.append(who))
    watch.start()
    watch.beat("phone")
    for _ in range(8):
        await asyncio.sleep(0.25)
        clock.jump(0.6)
    assert lost == ["phone"]
    await watch.aclose()


async def test_where_everything_takes_twice_its_time_a_watcher_waits_twice_as_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = Clock(monkeypatch)
    loop = asyncio.get_running_loop()
    asked: list[float] = []

    async def ping(_: str) -> bool:
        asked.append(loop.time())
        return False

    watch = Watch(ping=ping, can_hear=lambda: True, on_lost=lambda *_: None)
    watch.start()
    begun = loop.time()
    watch.beat("phone")
    for _ in range(45):
        await asyncio.sleep(0.05)
        clock.jump(0.07)
    assert 2.2 < asked[0] - begun < 4.6
    await watch.aclose()
