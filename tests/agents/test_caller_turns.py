"""Each of the caller's turns is told once: by Media Bot while it transcribes, else by Atlas."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from livekit import rtc

from agents.atlas.caller_turns import GRACE, KEPT, CallerTurns
from agents.turns import Turn
from contract.rooms import RoomMetadata, Topic
from tests.agents import virtual_clock
from tests.agents.room_double import Person, RoomDouble

NOON = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)


def at(second: float) -> datetime:
    return NOON + timedelta(seconds=second)


class Stage:
    """A call in which the loop's clock is the wall's: second 0 is noon."""

    def __init__(self, *, transcribes: bool = True) -> None:
        self.media_bot = Person("media-bot-1")
        self.room: Any = RoomDouble(Person("caller"), self.media_bot)
        self.room.metadata = RoomMetadata(generation={"media-bot": 1}).to_json()
        self.told: list[str] = []
        self.begin = asyncio.get_running_loop().time()
        self.turns = CallerTurns(
            self.room, "caller", lambda turn: self.told.append(turn.text), now=self.now
        )
        self.turns.start()
        if transcribes:
            self.transcribes(self.media_bot)

    def now(self) -> datetime:
        return at(asyncio.get_running_loop().time() - self.begin)

    def transcribes(self, media_bot: Person, deaf: str = "") -> None:
        self.room.write(media_bot, stt_enabled="true", stt_deaf=deaf)

    async def atlas_hears(self, text: str, start: float, end: float) -> None:
        """Half a second after it was said."""
        await asyncio.sleep((at(end + 0.5) - self.now()).total_seconds())
        self.turns.add(Turn(speaker="caller", text=text, start=at(start), end=at(end)))

    def media_bot_tells(
        self, start: float, end: float, sender: Person | None = None, **changes: Any
    ) -> None:
        message = {
            "participant": "caller",
            "start": at(start).isoformat(),
            "end": at(end).isoformat(),
        }
        self.room.send(Topic.TRANSCRIPT, json.dumps(message | changes), sender or self.media_bot)

    def media_bot_dies(self) -> None:
        self.room.leave(self.media_bot, rtc.DisconnectReason.CONNECTION_TIMEOUT)


Story = Callable[[], Coroutine[Any, Any, None]]


def plays(story: Story) -> Callable[[], None]:
    def test() -> None:
        virtual_clock.run(story())

    test.__name__ = story.__name__
    return test


@plays
async def test_without_media_bot_atlas_tells_all() -> None:
    stage = Stage(transcribes=False)
    await stage.atlas_hears("one", 1, 2)
    assert stage.told == ["one"]
    stage.media_bot_dies()
    await stage.atlas_hears("two", 3, 4)
    assert stage.told == ["one", "two"]
    await stage.turns.aclose()


@plays
async def test_what_media_bot_tells_is_not_told_again_whoever_is_first() -> None:
    stage = Stage()
    await stage.atlas_hears("one", 1, 2)
    stage.media_bot_tells(0.8, 2.1)
    stage.media_bot_tells(3, 4)
    await stage.atlas_hears("two", 3.2, 4.2)
    stage.media_bot_dies()
    assert stage.told == []
    await stage.turns.aclose()


@plays
async def test_the_assistants_turns_and_typed_ones_are_atlas_own() -> None:
    stage = Stage()
    turn = Turn(speaker="assistant", text="Hello.", start=at(0), end=at(1))
    typed = Turn(speaker="caller", text="Hi.", start=at(2), end=at(2), is_typed=True)
    stage.turns.add(turn)
    stage.turns.add(typed)
    assert stage.told == ["Hello.", "Hi."]
    await stage.turns.aclose()


@plays
async def test_a_killed_media_bot_loses_nothing_and_doubles_nothing() -> None:
    stage = Stage()
    await stage.atlas_hears("told", 1, 2)
    stage.media_bot_tells(1, 2)
    await stage.atlas_hears("in flight", 3, 4)  # and killed
    await stage.atlas_hears("unheard", 10, 12)
    assert stage.told == []
    # The workflow names a successor before LiveKit has noticed the death.
    stage.room.describe(RoomMetadata(generation={"media-bot": 2}).to_json())
    assert stage.told == ["in flight", "unheard"]
    await stage.atlas_hears("meanwhile", 13, 14)
    successor = Person("media-bot-2")
    stage.room.enter(successor)
    await stage.atlas_hears("not yet", 14.2, 15)
    stage.transcribes(successor)
    await stage.atlas_hears("its own", 16, 17)
    stage.media_bot_tells(16, 17, successor)
    stage.media_bot_dies()
    assert stage.told == ["in flight", "unheard", "meanwhile", "not yet"]
    await stage.turns.aclose()


@plays
async def test_what_was_said_before_media_bot_began_is_atlas_to_tell() -> None:
    stage = Stage(transcribes=False)
    await asyncio.sleep(3.4)
    stage.transcribes(stage.media_bot)
    await stage.atlas_hears("before", 1, 4)
    await stage.atlas_hears("after", 5, 6)
    assert stage.told == ["before"]
    await stage.turns.aclose()


@plays
async def test_sentences_that_media_bot_passed_over_are_not_kept() -> None:
    stage = Stage()
    await stage.atlas_hears("a cough, thought a word", 2, 2.2)
    stage.media_bot_tells(5, 6)
    stage.media_bot_dies()
    assert stage.told == []
    await stage.turns.aclose()


@plays
async def test_while_nobody_hears_atlas_tells_unless_media_bot_does_after_all() -> None:
    stage = Stage()
    await stage.atlas_hears("as it failed", 1, 2)
    stage.transcribes(stage.media_bot, deaf="true")
    await stage.atlas_hears("unheard", 2.2, 3)
    assert stage.told == []
    await asyncio.sleep(GRACE.total_seconds() + 0.1)
    assert stage.told == ["as it failed", "unheard"]
    await stage.atlas_hears("unheard, too", 10, 11)
    await stage.atlas_hears("as it came back", 11.2, 12)
    stage.media_bot_tells(11.2, 12)
    stage.transcribes(stage.media_bot)
    await stage.atlas_hears("as before", 13, 14)
    stage.media_bot_tells(13, 14)
    await asyncio.sleep(GRACE.total_seconds())
    assert stage.told[2:] == ["unheard, too"]
    await stage.turns.aclose()


@plays
async def test_what_nobody_heard_is_told_though_its_words_come_when_media_bot_hears_again() -> None:
    stage = Stage()
    stage.transcribes(stage.media_bot, deaf="true")
    await asyncio.sleep(4.2)
    stage.transcribes(stage.media_bot)
    await stage.atlas_hears("unheard", 3, 4)
    stage.media_bot_tells(5, 6)
    await asyncio.sleep(GRACE.total_seconds())
    assert stage.told == ["unheard"]
    await stage.turns.aclose()


@plays
async def test_two_sentences_of_media_bot_told_late_are_atlas_one_turn_with_a_pause() -> None:
    stage = Stage()
    await stage.atlas_hears("Hello ... I would like a table.", 0.5, 9)  # the first of the call
    await asyncio.sleep(5)
    stage.media_bot_tells(0.5, 3)
    stage.media_bot_tells(6, 9)
    await asyncio.sleep(GRACE.total_seconds())
    await stage.turns.aclose()
    assert stage.told == []


@plays
async def test_when_it_is_told_too_late_it_is_forgotten() -> None:
    stage = Stage()
    await stage.atlas_hears("long ago", 2, 3)
    await asyncio.sleep(KEPT.total_seconds())
    await stage.atlas_hears("just now", 70, 71)
    stage.media_bot_dies()
    assert stage.told == ["just now"]
    await stage.turns.aclose()


@plays
async def test_who_is_cut_off_does_not_take_media_bot_for_dead() -> None:
    stage = Stage()
    await stage.atlas_hears("one", 1, 2)
    stage.room.connection_state = rtc.ConnectionState.CONN_RECONNECTING
    stage.media_bot_dies()
    assert stage.told == []
    stage.room.connection_state = rtc.ConnectionState.CONN_CONNECTED
    stage.room.enter(stage.media_bot)
    assert stage.told == []
    await stage.turns.aclose()


@plays
async def test_nobody_else_takes_a_turn_out_of_the_record() -> None:
    stage = Stage()
    await stage.atlas_hears("one", 1, 2)
    stage.media_bot_tells(1, 2, Person("human-2"))
    stage.media_bot_tells(1, 2, participant="human-2")
    stage.room.send(Topic.TRANSCRIPT, "no JSON", stage.media_bot)
    stage.room.send(Topic.TRANSCRIPT, '{"participant": "caller", "start": 1}', stage.media_bot)
    stage.media_bot_dies()
    assert stage.told == ["one"]
    await stage.turns.aclose()


@pytest.mark.parametrize("metadata", ["", "an agent's name"])
def test_a_livekit_that_forgot_the_metadata_leaves_the_newest_media_bot(metadata: str) -> None:
    async def story() -> None:
        stage = Stage()
        successor = Person("media-bot-2")
        stage.room.enter(successor)
        stage.transcribes(successor)
        stage.room.describe(metadata)
        await stage.atlas_hears("one", 1, 2)
        assert stage.told == []
        await stage.turns.aclose()

    virtual_clock.run(story())


@plays
async def test_goodbye_said_while_media_bot_is_deaf_is_in_the_record() -> None:
    stage = Stage()
    stage.transcribes(stage.media_bot, deaf="true")
    await asyncio.sleep(5)
    await stage.atlas_hears("goodbye", 6, 7)  # the caller hangs up at 7.6 s
    await asyncio.sleep(0.1)
    await stage.turns.aclose()
    assert stage.told == ["goodbye"]


@plays
async def test_what_the_caller_types_is_in_the_record() -> None:
    """Nobody can hear it: transcript.py makes a turn of it, start = end = created_at."""
    stage = Stage()
    await asyncio.sleep(5)
    stage.turns.add(
        Turn(speaker="caller", text="typed", start=stage.now(), end=stage.now(), is_typed=True)
    )
    stage.media_bot_tells(8, 9)  # the next spoken sentence
    await asyncio.sleep(40)
    await stage.turns.aclose()
    assert stage.told == ["typed"]


@plays
async def test_hello_at_the_answer_is_in_the_record() -> None:
    """stt.enabled is written 0.3 s after the answer; Media Bot subscribes to the microphone after
    that (100 to 160 ms, livekit_measured 1), so it hears half of the first word, or none."""
    stage = Stage(transcribes=False)
    await asyncio.sleep(0.3)
    stage.transcribes(stage.media_bot)
    await stage.atlas_hears("hello", 0.15, 0.55)
    await asyncio.sleep(4)
    stage.media_bot_tells(4, 5)
    await stage.turns.aclose()
    assert stage.told == ["hello"]


@plays
async def test_a_sentence_kept_while_both_providers_hang_is_told_when_it_is_known() -> None:
    """Deepgram: 3 connects of 5 s; Groq: 3 answers of 5 to 8 s: deaf is told after 33 to 42 s."""
    stage = Stage()
    await stage.atlas_hears("first", 1, 2)
    await stage.atlas_hears("second", 33, 34)
    await asyncio.sleep(3)
    stage.transcribes(stage.media_bot, deaf="true")
    await asyncio.sleep(10)
    assert stage.told == ["first", "second"]


@plays
async def test_a_neighbouring_sentence_is_another_one_unless_it_says_the_same() -> None:
    """The first of a call, of which Media Bot may have heard nothing, or have other times."""
    for said, told in (("hello", ["hello"]), ("I would like a table.", [])):
        stage = Stage(transcribes=False)
        await asyncio.sleep(0.3)
        stage.transcribes(stage.media_bot)
        await stage.atlas_hears(said, 0.15, 0.55)
        stage.media_bot_tells(0.7, 1.2, text="I would like a table")
        await asyncio.sleep(GRACE.total_seconds())
        await stage.turns.aclose()
        assert stage.told == told
