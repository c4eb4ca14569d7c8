from __future__ import annotations

import asyncio
from typing import Any, cast

from livekit import rtc

from agents.atlas.human import REJOIN_PATIENCE, RETURN_PATIENCE, Human
from contract.facts import FactKind
from tests.agents import virtual_clock
from tests.agents.room_double import Person, RoomDouble


class Stage:
    def __init__(self) -> None:
        self.caller = Person("caller")
        self.room = RoomDouble(self.caller)
        self.told: list[tuple[FactKind, str]] = []
        self.gone_at: list[float] = []
        self.human = Human(
            cast(rtc.Room, self.room),
            "caller",
            "RM_1",
            tell=self._tell,
            on_present=lambda: None,
            on_gone=lambda: self.gone_at.append(virtual_clock.now()),
        )
        self.human.start()
        self.told.clear()

    def _tell(self, kind: FactKind, data: dict[str, Any]) -> None:
        self.told.append((kind, data["disconnect_reason"]))


def test_who_hangs_up_is_gone_at_once() -> None:
    async def story() -> None:
        stage = Stage()
        stage.room.leave(stage.caller, rtc.DisconnectReason.CLIENT_INITIATED)
        await asyncio.sleep(1)
        assert stage.told == [(FactKind.PARTICIPANT_LEFT, "CLIENT_INITIATED")]
        assert stage.gone_at == [0]

    virtual_clock.run(story())


def test_who_is_cut_off_has_time_to_come_back() -> None:
    async def story() -> None:
        stage = Stage()
        stage.room.leave(stage.caller, rtc.DisconnectReason.CONNECTION_TIMEOUT)
        await asyncio.sleep(RETURN_PATIENCE - 1)
        stage.room.enter(stage.caller)
        await asyncio.sleep(60)
        assert stage.gone_at == []

    virtual_clock.run(story())


def test_while_atlas_is_cut_off_itself_nobody_has_left() -> None:
    async def story() -> None:
        stage = Stage()
        stage.room.connection_state = rtc.ConnectionState.CONN_RECONNECTING
        stage.room.leave(stage.caller, None)
        await asyncio.sleep(30)
        assert (stage.told, stage.gone_at) == ([], [])
        stage.room.connection_state = rtc.ConnectionState.CONN_CONNECTED
        stage.room.emit("reconnected")
        await asyncio.sleep(REJOIN_PATIENCE - 1)
        stage.room.enter(stage.caller)
        await asyncio.sleep(60)
        assert stage.told == [(FactKind.PARTICIPANT_JOINED, "")]
        assert stage.gone_at == []

    virtual_clock.run(story())


def test_who_does_not_come_back_after_livekit_was_away_has_left() -> None:
    async def story() -> None:
        stage = Stage()
        stage.room.connection_state = rtc.ConnectionState.CONN_RECONNECTING
        stage.room.leave(stage.caller, None)
        stage.room.connection_state = rtc.ConnectionState.CONN_CONNECTED
        stage.room.emit("reconnected")
        await asyncio.sleep(REJOIN_PATIENCE + 1)
        assert stage.told == [(FactKind.PARTICIPANT_LEFT, "UNKNOWN_REASON")]
        assert stage.gone_at == [REJOIN_PATIENCE]

    virtual_clock.run(story())


def test_a_short_loss_of_the_signal_is_nobodys_leaving() -> None:
    async def story() -> None:
        stage = Stage()
        stage.room.emit("reconnected")
        await asyncio.sleep(60)
        assert (stage.told, stage.gone_at) == ([], [])

    virtual_clock.run(story())
