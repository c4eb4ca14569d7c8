from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest
from livekit import rtc
from livekit.agents import JobContext

from agents.watching import CallWatch
from contract.facts import FactKind
from contract.identity import AgentRole
from contract.rooms import RoomMetadata, Topic
from tests.agents import virtual_clock
from tests.agents.room_double import SIP, STANDARD, Person, RoomDouble

CALL = "call_1"


class Stage:
    """A room whose people never answer a ping; LiveKit lists them all, unless it is away."""

    def __init__(self, *people: Person, watches: AgentRole = AgentRole.ATLAS) -> None:
        self.room: Any = RoomDouble(*people)
        self.room.name, self.room.metadata = CALL, ""
        self.room.local_participant = SimpleNamespace(perform_rpc=self._perform_rpc)
        self.error = rtc.RpcError.ErrorCode.CONNECTION_TIMEOUT
        self.livekit_is_away = False
        self.told: list[tuple[FactKind, dict[str, Any]]] = []
        listing = SimpleNamespace(room=SimpleNamespace(list_participants=self._list))
        self.watch = CallWatch(
            cast(JobContext, SimpleNamespace(room=self.room, api=listing)),
            "phone",
            CALL,
            lambda kind, data: self.told.append((kind, data)),
            watches=watches,
        )
        self.watch.start()

    @property
    def kinds(self) -> list[FactKind]:
        return [kind for kind, _ in self.told]

    async def _perform_rpc(self, **_: Any) -> str:
        raise rtc.RpcError(self.error, "")

    async def _list(self, _: Any) -> Any:
        if self.livekit_is_away:
            await asyncio.sleep(60)
        return SimpleNamespace(participants=list(self.room.remote_participants.values()))


def phone(call_id: str = CALL, kind: int = SIP) -> Person:
    return Person("phone", kind, {"sip.callID": call_id})


def test_a_bridge_that_dies_before_its_first_beat_is_missed_too() -> None:
    async def story() -> None:
        stage = Stage()
        stage.room.enter(phone())
        await asyncio.sleep(2.1)
        assert stage.kinds == [FactKind.PHONE_LOST]
        await stage.watch.aclose()

    virtual_clock.run(story())


def test_so_is_one_that_was_there_before_the_agent() -> None:
    async def story() -> None:
        stage = Stage(phone())
        await asyncio.sleep(2.1)
        assert stage.kinds == [FactKind.PHONE_LOST]
        await stage.watch.aclose()

    virtual_clock.run(story())


@pytest.mark.parametrize("other", [phone("SCL_1"), phone(kind=STANDARD), Person("human-1")])
def test_whose_phone_is_not_the_bridges_need_not_beat(other: Person) -> None:
    async def story() -> None:
        stage = Stage(other)
        await asyncio.sleep(60)
        assert stage.told == []
        await stage.watch.aclose()

    virtual_clock.run(story())


@pytest.mark.parametrize("role", AgentRole)
def test_only_the_current_agent_of_the_other_role_is_missed(role: AgentRole) -> None:
    async def story() -> None:
        people = [Person(f"{each.value}-{number}") for each in AgentRole for number in (1, 2)]
        stage = Stage(*people, watches=role)
        metadata = RoomMetadata(generation=dict.fromkeys(AgentRole, 2))
        stage.room.metadata = metadata.to_json()
        for person in people:
            stage.room.send(Topic.AGENT_ALIVE, "{}", person)
        await asyncio.sleep(5)
        assert stage.told == [(FactKind.AGENT_LOST, {"role": role.value, "generation": 2})]
        await stage.watch.aclose()

    virtual_clock.run(story())


def test_a_refusal_is_an_answer() -> None:
    async def story() -> None:
        stage = Stage(phone())
        stage.error = rtc.RpcError.ErrorCode.UNSUPPORTED_METHOD
        await asyncio.sleep(30)
        assert stage.told == []
        await stage.watch.aclose()

    virtual_clock.run(story())


def test_nobody_is_lost_while_livekit_answers_nobody_or_we_are_cut_off() -> None:
    async def story() -> None:
        stage = Stage(phone())
        stage.livekit_is_away = True
        await asyncio.sleep(10)
        stage.livekit_is_away = False
        stage.room.connection_state = rtc.ConnectionState.CONN_RECONNECTING
        await asyncio.sleep(10)
        assert stage.told == []
        await stage.watch.aclose()

    virtual_clock.run(story())


def test_who_leaves_is_not_lost() -> None:
    async def story() -> None:
        there = phone()
        stage = Stage(there)
        stage.room.leave(there, rtc.DisconnectReason.CLIENT_INITIATED)
        await asyncio.sleep(30)
        assert stage.told == []
        await stage.watch.aclose()

    virtual_clock.run(story())
