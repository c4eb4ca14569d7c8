from __future__ import annotations

from typing import Any, cast

import pytest
from livekit import rtc

from agents.media_bot.playback.orders import MediaOrder, MediaOrders
from contract.rooms import MediaCommand, MediaPurpose
from tests.agents.room_double import Person, RoomDouble

URL = "https://assets.example.com/music.mp3"


class Stage:
    def __init__(self, *people: Person) -> None:
        self.room = RoomDouble(*people)
        self.orders: list[MediaOrder] = []
        self.reader = MediaOrders(cast(rtc.Room, self.room), "caller", on_order=self.orders.append)
        self.reader.start()

    @property
    def ids(self) -> list[str]:
        return [order.command_id for order in self.orders]


def attributes(command_id: str = "1", **more: str) -> dict[str, str]:
    usual = {"command": "play", "asset_url": URL, "loop": "true", "command_id": command_id}
    return {f"media_{name}": value for name, value in (usual | more).items()}


def caller(**written: str) -> Person:
    return Person("caller", attributes={k.replace("_", ".", 1): v for k, v in written.items()})


def written(room: RoomDouble, person: Person, **more: str) -> None:
    # Only the first underscore is a dot: `media.asset_url`.
    changed = {name.replace("_", ".", 1): value for name, value in more.items()}
    person.attributes |= changed
    room.emit("participant_attributes_changed", changed, person)


def test_an_order_is_read_as_it_is_written() -> None:
    stage = Stage(caller(**attributes(purpose="hold")))
    assert stage.orders == [
        MediaOrder(
            command_id="1",
            command=MediaCommand.PLAY,
            asset_url=URL,
            loop=True,
            purpose=MediaPurpose.HOLD,
        )
    ]


def test_changes_and_newcomers_are_heard_and_each_id_once() -> None:
    stage = Stage()
    there = caller(**attributes("1"))
    stage.room.enter(there)
    written(stage.room, there, **attributes("1", loop="false"))
    written(stage.room, there, **attributes("2"))
    written(stage.room, there, **attributes("3", command="stop"))
    written(stage.room, there, **attributes("2"))
    stage.room.emit("participant_attributes_changed", {"other": "x"}, there)
    assert stage.ids == ["1", "2", "3"]


def test_only_the_human_of_the_call_orders() -> None:
    stage = Stage(Person("human-1"))
    written(stage.room, stage.room.remote_participants["human-1"], **attributes())
    assert stage.orders == []


def test_what_a_predecessor_played_to_its_end_is_not_played_again() -> None:
    assert Stage(caller(**attributes("1", done="1"))).orders == []
    assert Stage(caller(**attributes("2", done="1"))).ids == ["2"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"command": "pause"},
        {"command": ""},
        {"loop": "maybe"},
        {"purpose": "announcement"},
        {"command_id": "x" * 129},
    ],
)
def test_an_unknown_value_is_logged_once_and_the_command_ignored(
    wrong: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    there = caller(**attributes(**wrong))
    stage = Stage(there)
    written(stage.room, there, **attributes(**wrong))
    assert stage.orders == []
    assert len(caplog.records) == 1
    written(stage.room, there, **attributes("good", purpose="hold"))
    assert stage.ids == ["good"]


def test_without_an_id_nothing_is_done() -> None:
    assert Stage(caller(media_command="play", media_asset_url=URL)).orders == []


@pytest.mark.parametrize(
    ("purpose", "loop", "repeats", "ends_the_call"),
    [
        ("", "false", False, True),
        ("", "", False, True),
        ("", "true", True, False),
        ("busy", "false", False, True),
        ("busy", "true", True, False),
        ("hold", "true", True, False),
        ("hold", "false", False, False),
        ("ringback", "false", True, False),
        ("ringback", "true", True, False),
        ("clip", "false", False, False),
        ("clip", "TRUE", True, False),
    ],
)
def test_what_comes_after_the_last_sample(
    purpose: str, loop: str, repeats: bool, ends_the_call: bool
) -> None:
    [order] = Stage(caller(**attributes(purpose=purpose, loop=loop))).orders
    assert (order.repeats, order.ends_the_call) == (repeats, ends_the_call)


async def test_a_closed_reader_is_deaf() -> None:
    there: Any = caller()
    stage = Stage(there)
    await stage.reader.aclose()
    written(stage.room, there, **attributes())
    stage.room.enter(caller(**attributes("2")))
    assert stage.orders == []
