from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Any, cast

from livekit import rtc

from agents.atlas.seclusion import Seclusion
from agents.audience import Listener, heard
from agents.our_hold import OurHold
from contract.holds import Holder, HoldState
from tests.agents.room_double import Person, RoomDouble

AUDIO, VIDEO = rtc.TrackKind.KIND_AUDIO, rtc.TrackKind.KIND_VIDEO
MICROPHONE = rtc.TrackSource.SOURCE_MICROPHONE
SCREEN = rtc.TrackSource.SOURCE_SCREENSHARE_AUDIO
OURS, THEIRS = frozenset({Holder.OPERATOR}), frozenset({Holder.REMOTE})


def state(seq: int, holders: frozenset[Holder] = frozenset()) -> str:
    return HoldState(seq, holders).to_json()


class Stage:
    def __init__(self, *people: Person) -> None:
        self.room = RoomDouble(*people)
        self.news: list[bool] = []
        self.hold = OurHold(cast(rtc.Room, self.room), "caller", on_change=self._changed)
        self.hold.start()

    def _changed(self) -> None:
        self.news.append(self.hold.holds)


def test_our_holds_count_and_the_far_sides_do_not() -> None:
    caller = Person("caller")
    stage = Stage(caller)
    stage.room.write(caller, call_hold=state(1, THEIRS))
    assert stage.news == []
    stage.room.write(caller, call_hold=state(2, THEIRS | OURS))
    stage.room.write(caller, call_hold=state(3, OURS))  # the far side resumed
    assert stage.news == [True]
    stage.room.write(caller, call_hold=state(2))  # late
    stage.room.write(caller, call_hold=state(4))
    assert stage.news == [True, False]


def test_who_comes_in_again_is_held_until_they_are_told_otherwise() -> None:
    caller = Person("caller", attributes={"call.hold": state(5, OURS)})
    stage = Stage(caller)
    assert stage.news == [True]
    stage.room.leave(caller, None)
    back = Person("caller")
    stage.room.enter(back)
    assert stage.hold.holds
    stage.room.write(back, call_hold=state(6))
    assert stage.news == [True, False]


class LocalParticipant:
    def __init__(self) -> None:
        self.permissions: list[tuple[bool, list[str]]] = []
        self.track_publications = {"A": None}

    def set_track_subscription_permissions(
        self, *, allow_all_participants: bool, participant_permissions: list[Any]
    ) -> None:
        names = [each.participant_identity for each in participant_permissions]
        self.permissions.append((allow_all_participants, names))


class Changes:
    """What a server was asked to change."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, frozenset[str], bool]] = []
        self.are_four = asyncio.Event()

    async def change(self, identity: str, sids: Collection[str], *, hears: bool) -> None:
        self.asked.append((identity, frozenset(sids), hears))
        if len(self.asked) >= 4:
            self.are_four.set()


async def test_without_media_bot_atlas_gives_back_what_the_hold_took_away() -> None:
    caller = somebody("caller", track("C"))
    room = RoomDouble(caller, somebody("human-2", track("H")))
    room.local_participant = LocalParticipant()  # type: ignore[attr-defined]
    changes = Changes()
    seclusion = Seclusion(cast(rtc.Room, room), "caller", changes)
    seclusion.start()
    room.write(caller, call_hold=state(1, OURS))
    await asyncio.sleep(0)
    assert changes.asked == []  # taking away is Media Bot's
    room.write(caller, call_hold=state(2))
    await asyncio.wait_for(changes.are_four.wait(), 5)
    back = [("caller", frozenset("AH"), True), ("human-2", frozenset("C"), True)]
    assert changes.asked[:4] == [*back, *back]  # the first time may be lost
    room.write(caller, call_hold=state(3, OURS))
    await asyncio.sleep(0)
    before = len(changes.asked)
    await asyncio.sleep(0.3)
    assert len(changes.asked) == before
    await seclusion.aclose()


async def test_atlas_is_denied_to_the_held_human_and_to_nobody_else() -> None:
    caller, human = Person("caller"), Person("human-2")
    room = RoomDouble(caller, human)
    local = LocalParticipant()
    room.local_participant = local  # type: ignore[attr-defined]
    seclusion = Seclusion(cast(rtc.Room, room), "caller", Changes())
    seclusion.start()
    room.enter(Person("human-3"))
    room.emit("reconnected")
    assert local.permissions == []  # as rooms begin
    room.write(caller, call_hold=state(1, OURS))
    room.enter(Person("media-bot-2"))
    room.write(caller, call_hold=state(2))
    assert local.permissions == [
        (False, ["human-2", "human-3"]),
        (False, ["human-2", "human-3", "media-bot-2"]),
        (True, []),
    ]


def track(sid: str, source: int = MICROPHONE, kind: int = AUDIO) -> Any:
    return type("Publication", (), {"sid": sid, "source": source, "kind": kind})()


def somebody(identity: str, *tracks: Any, **more: Any) -> Person:
    publications = {each.sid: each for each in tracks}
    return Person(identity, sid=f"PA_{identity}", track_publications=publications, **more)


def test_who_hears_whom() -> None:
    room = RoomDouble(
        somebody("caller", track("C"), track("C2", SCREEN), track("C3", kind=VIDEO)),
        somebody("atlas-1", track("A")),
        somebody("media-bot-1", track("M", SCREEN)),
        somebody("human-2", track("H")),
        somebody("recorder", kind=rtc.ParticipantKind.PARTICIPANT_KIND_EGRESS),
    )
    assert heard(cast(rtc.Room, room), "caller") == {
        Listener("caller", "PA_caller"): {"A", "H"},
        Listener("human-2", "PA_human-2"): {"C", "C2"},
    }
    assert heard(cast(rtc.Room, room), "phone") == {}
