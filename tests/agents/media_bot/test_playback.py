"""What is played when, with a track and a loader of the test's own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, cast

import numpy as np
import pytest
from livekit import rtc

from agents.media_bot.playback.bad_asset import BadAsset
from agents.media_bot.playback.decoding import Samples
from agents.media_bot.playback.playback import Playback
from contract.facts import FactKind
from tests.agents.media_bot.test_orders import attributes, caller, written
from tests.agents.room_double import RoomDouble

SOUND = np.ones(480, np.int16)


class Stage:
    """Notes what happens, in order. Loading and playing last until the test ends them."""

    def __init__(self) -> None:
        self.happened: list[str] = []
        self.facts: list[tuple[FactKind, dict[str, Any]]] = []
        self.there = caller()
        self.room = RoomDouble(self.there)
        self.loaded: dict[str, asyncio.Future[Samples]] = {}
        self.played = asyncio.Event()
        self.playback = Playback(
            cast(rtc.Room, self.room),
            "caller",
            assets=self,
            track=self,
            call_room=self,
            tell=lambda kind, data: self.facts.append((kind, data)),
        )
        self.playback.start()

    async def load(self, url: str) -> Samples:
        self.loaded[url] = asyncio.get_running_loop().create_future()
        return await self.loaded[url]

    async def play(self, samples: Samples, *, repeat: bool, on_start: Callable[[], None]) -> None:
        on_start()
        self.happened.append(f"plays {samples.size}{' again and again' if repeat else ''}")
        self.played.clear()
        await (asyncio.Event() if repeat else self.played).wait()

    def hush(self) -> None:
        if self.happened and self.happened[-1] != "hush":
            self.happened.append("hush")

    async def mark_done(self, command_id: str) -> None:
        self.happened.append(f"done {command_id}")

    async def close(self) -> None:
        self.happened.append("close")

    async def order(self, command_id: str, **more: str) -> None:
        written(self.room, self.there, **attributes(command_id, **more))
        await asyncio.sleep(0.01)

    async def comes(self, url: str, answer: Samples | BadAsset = SOUND) -> None:
        if isinstance(answer, BadAsset):
            self.loaded[url].set_exception(answer)
        else:
            self.loaded[url].set_result(answer)
        await asyncio.sleep(0.01)

    async def ends(self) -> None:
        self.played.set()
        await asyncio.sleep(0.01)

    @property
    def told(self) -> list[str]:
        return [kind.value.removeprefix("playback_") for kind, _ in self.facts]


async def test_a_loop_is_played_until_it_is_stopped() -> None:
    stage = Stage()
    await stage.order("1", asset_url="a", purpose="hold")
    await stage.comes("a")
    assert stage.happened == ["plays 480 again and again"]
    await stage.order("2", command="stop")
    assert stage.happened[1:] == ["hush"]
    assert stage.told == ["started", "ended"]


async def test_stop_wins_over_a_play_that_is_still_loading() -> None:
    stage = Stage()
    await stage.order("1", asset_url="a")
    await stage.order("2", command="stop")
    assert stage.loaded["a"].cancelled()
    assert stage.happened == stage.told == []


async def test_a_newer_play_replaces_one_that_loads_and_one_that_plays() -> None:
    stage = Stage()
    await stage.order("1", asset_url="a", purpose="hold")
    await stage.order("2", asset_url="b", purpose="hold")
    await stage.comes("b")
    await stage.order("3", asset_url="c", purpose="hold")
    await stage.comes("c", np.ones(960, np.int16))
    assert stage.happened == [
        "plays 480 again and again",
        "hush",
        "plays 960 again and again",
    ]
    assert stage.told == ["started", "ended", "started"]


@pytest.mark.parametrize("purpose", ["busy", ""])
async def test_what_ends_the_call_closes_the_room_after_its_last_sample(purpose: str) -> None:
    stage = Stage()
    await stage.order("1", asset_url="a", loop="false", purpose=purpose)
    await stage.comes("a")
    assert stage.happened == ["plays 480"]
    await stage.ends()
    assert stage.happened == ["plays 480", "close"]


async def test_a_stop_before_its_end_leaves_the_room_open() -> None:
    stage = Stage()
    await stage.order("1", asset_url="a", loop="false", purpose="busy")
    await stage.comes("a")
    await stage.order("2", command="stop")
    await stage.ends()
    assert stage.happened == ["plays 480", "hush"]


async def test_a_clip_leaves_the_room_open() -> None:
    stage = Stage()
    await stage.order("1", asset_url="a", loop="false", purpose="clip")
    await stage.comes("a")
    await stage.ends()
    assert stage.happened == ["plays 480", "done 1"]
    assert stage.told == ["started", "ended"]


@pytest.mark.parametrize(
    ("purpose", "loop", "instead"),
    [
        ("hold", "true", []),
        ("clip", "false", []),
        ("ringback", "false", ["plays 240000 again and again"]),
        ("busy", "false", ["plays 192000", "close"]),
        ("busy", "true", ["plays 192000 again and again"]),
        ("", "false", ["plays 192000", "close"]),
    ],
)
async def test_a_bad_asset_is_told_and_a_tone_stands_in_for_a_tone(
    purpose: str, loop: str, instead: list[str]
) -> None:
    stage = Stage()
    url = "https://assets.example.com/music.mp3?signature=secret"
    await stage.order("1", asset_url=url, loop=loop, purpose=purpose)
    await stage.comes(url, BadAsset("its host answered with status 404"))
    await stage.ends()
    assert stage.happened == instead
    kind, data = stage.facts[0]
    assert kind is FactKind.PLAYBACK_FAILED
    assert data["host"] == "assets.example.com:443"
    assert (
        " from assets.example.com:443, because its host answered with status 404." in data["detail"]
    )
    assert "secret" not in str(data)


async def test_what_fails_unforeseen_is_told_too() -> None:
    stage = Stage()
    await stage.order("1", asset_url="a", purpose="hold")
    stage.loaded["a"].set_exception(RuntimeError("the track is gone"))
    await asyncio.sleep(0.01)
    assert stage.told == ["failed"]
    await stage.order("2", asset_url="a", purpose="hold")
    await stage.comes("a")
    assert stage.told == ["failed", "started"]


async def test_closing_ends_what_is_played() -> None:
    stage = Stage()
    await stage.order("1", asset_url="a")
    await stage.comes("a")
    await stage.playback.aclose()
    assert stage.happened == ["plays 480 again and again", "hush"]
    await stage.order("2", asset_url="b")
    assert "b" not in stage.loaded
