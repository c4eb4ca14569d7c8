"""Whose microphones are subscribed to, and when; who is held."""

from __future__ import annotations

from dataclasses import dataclass

from livekit import rtc

from agents.media_bot.transcription.people import Microphones
from contract.holds import Holder, HoldState
from tests.agents.room_double import SIP, STANDARD, Person, RoomDouble

MICROPHONE = rtc.TrackSource.SOURCE_MICROPHONE
AGENT = rtc.ParticipantKind.PARTICIPANT_KIND_AGENT
EGRESS = rtc.ParticipantKind.PARTICIPANT_KIND_EGRESS


@dataclass(eq=False)
class Publication:
    sid: str
    source: int = MICROPHONE
    subscribed: bool = False

    def set_subscribed(self, subscribed: bool) -> None:
        self.subscribed = subscribed


def person(identity: str, kind: int = STANDARD, *publications: Publication) -> Person:
    tracks = {each.sid: each for each in publications or (Publication(identity),)}
    return Person(identity, kind, track_publications=tracks)


class Scene:
    def __init__(self, *people: Person) -> None:
        self.room = RoomDouble(*people)
        self.holds: list[tuple[str, bool]] = []
        self.left: list[str] = []
        self.microphones = Microphones(
            self.room,  # type: ignore[arg-type]
            on_piece=lambda *_: None,
            on_silent=lambda _: None,
            on_hold=lambda who, held: self.holds.append((who, held)),
            on_left=self.left.append,
        )
        self.microphones.start()

    @property
    def subscribed(self) -> list[str]:
        return [
            publication.sid
            for each in self.room.remote_participants.values()
            for publication in each.track_publications.values()
            if publication.subscribed
        ]


def test_humans_microphones_are_subscribed_to_and_nothing_else() -> None:
    screen = Publication("screen", rtc.TrackSource.SOURCE_SCREENSHARE_AUDIO)
    scene = Scene(
        person("caller", STANDARD, Publication("caller"), screen),
        person("phone", SIP),
        person("atlas-1", AGENT),
        person("recorder", EGRESS),
    )
    assert scene.subscribed == []
    scene.microphones.open(True)
    assert scene.subscribed == ["caller", "phone"]
    scene.microphones.open(False)
    assert scene.subscribed == []


def test_who_comes_later_and_a_track_that_is_published_anew_are_heard_too() -> None:
    caller = person("caller")
    scene = Scene(caller)
    scene.microphones.open(True)
    scene.room.enter(person("human-2"))
    again = Publication("caller again")
    caller.track_publications[again.sid] = again
    scene.room.emit("track_published", again, caller)
    assert scene.subscribed == ["caller", "caller again", "human-2"]


def test_after_a_reconnect_they_are_subscribed_to_again() -> None:
    caller = person("caller")
    scene = Scene(caller)
    scene.microphones.open(True)
    anew = Publication("anew")
    caller.track_publications = {anew.sid: anew}
    scene.room.emit("reconnected")
    assert scene.subscribed == ["anew"]


def test_a_hold_counts_by_its_number_and_is_found_by_who_comes_late() -> None:
    held = HoldState(3, frozenset({Holder.REMOTE})).to_json()
    caller = person("caller")
    caller.attributes = {"call.hold": held}
    scene = Scene(caller)
    scene.room.write(caller, call_hold=HoldState(2).to_json())  # old
    scene.room.write(caller, call_hold="nonsense")
    assert scene.holds == [("caller", True)]
    scene.room.write(caller, call_hold=HoldState(4).to_json())
    assert scene.holds == [("caller", True), ("caller", False)]


def test_after_a_hold_what_an_isolation_took_away_is_subscribed_to_again() -> None:
    caller = person("caller")
    scene = Scene(caller)
    scene.microphones.open(True)
    scene.room.write(caller, call_hold=HoldState(1, frozenset({Holder.OPERATOR})).to_json())
    caller.track_publications["caller"].subscribed = False
    scene.room.write(caller, call_hold=HoldState(2).to_json())
    assert scene.subscribed == ["caller"]


def test_only_humans_are_told_to_have_left() -> None:
    caller, atlas = person("caller"), person("atlas-1", AGENT)
    scene = Scene(caller, atlas)
    scene.room.leave(atlas, None)
    scene.room.leave(caller, None)
    assert scene.left == ["caller"]
