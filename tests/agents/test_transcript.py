from __future__ import annotations

import pytest
from livekit.agents import (
    AgentSession,
    ConversationItemAddedEvent,
    UserInputTranscribedEvent,
    UserStateChangedEvent,
)
from livekit.agents.llm import ChatMessage

from agents.atlas.transcript import SECONDS_A_WORD, TurnRecorder, typed_message
from agents.turns import Turn


class Stage:
    def __init__(self) -> None:
        self.session: AgentSession[None] = AgentSession[None](vad=None)
        self.turns: list[Turn] = []
        self.recorder = TurnRecorder(self.session, self.turns.append, "en-US")
        self.recorder.start()

    def begins_to_speak(self, at: float) -> None:
        self.session.emit(
            "user_state_changed",
            UserStateChangedEvent(old_state="listening", new_state="speaking", created_at=at),
        )

    def falls_quiet(self, at: float) -> None:
        self.session.emit(
            "user_state_changed",
            UserStateChangedEvent(old_state="speaking", new_state="listening", created_at=at),
        )

    def said(self, role: str, text: str, start: float | None, end: float, known_at: float) -> None:
        metrics = {"stopped_speaking_at": end}
        if start is not None:
            metrics["started_speaking_at"] = start
        message = ChatMessage(role=role, content=[text], created_at=known_at, metrics=metrics)
        self.session.emit("conversation_item_added", ConversationItemAddedEvent(item=message))


@pytest.fixture
async def stage() -> Stage:
    return Stage()


async def test_turns_have_the_times_at_which_they_were_spoken(stage: Stage) -> None:
    stage.said("user", "Hello?", 10, 11, 11.2)
    stage.said("assistant", "Hello.", 11.5, 13, 13)
    assert [
        (turn.speaker, turn.start.timestamp(), turn.end.timestamp()) for turn in stage.turns
    ] == [
        ("caller", 10, 11),
        ("assistant", 11.5, 13),
    ]


async def test_a_start_that_belongs_to_the_turn_before_is_not_believed(stage: Stage) -> None:
    stage.said("user", "Where are you?", 10, 12, 12.1)
    stage.said("assistant", "At twelve Harbour Street.", 12.5, 15, 15)
    stage.begins_to_speak(16.2)
    stage.said("user", "Goodbye.", 10, 17.5, 17.6)
    assert stage.turns[-1].start.timestamp() == 16.2


async def test_the_first_words_heard_are_a_sign_as_well(stage: Stage) -> None:
    stage.said("user", "Where are you?", 10, 12, 12.1)
    for at in (16.5, 17.2):
        stage.session.emit(
            "user_input_transcribed",
            UserInputTranscribedEvent(transcript="Good", is_final=False, created_at=at),
        )
    stage.said("user", "Goodbye.", 10, 17.5, 17.6)
    assert stage.turns[-1].start.timestamp() == 16.5


async def test_without_any_sign_the_turn_took_as_long_as_its_words_do(stage: Stage) -> None:
    stage.begins_to_speak(10)
    stage.said("user", "Where are you?", 10, 12, 12.1)
    stage.said("user", "Thank you, goodbye.", 10, 17.5, 17.6)
    assert stage.turns[-1].start.timestamp() == pytest.approx(17.5 - 3 * SECONDS_A_WORD)


async def test_a_realtime_models_turn_ends_when_its_detector_says_so(stage: Stage) -> None:
    stage.begins_to_speak(10)
    stage.falls_quiet(12)
    # Its words come later, with the time at which they began.
    message = ChatMessage(
        role="user",
        content=["Where are you?"],
        created_at=10,
        metrics={"started_speaking_at": 10},
    )
    stage.session.emit("conversation_item_added", ConversationItemAddedEvent(item=message))
    [turn] = stage.turns
    assert (turn.start.timestamp(), turn.end.timestamp()) == (10, 12)


async def test_what_was_typed_is_known_from_what_was_spoken(stage: Stage) -> None:
    for message in (typed_message("Hello?"), ChatMessage(role="user", content=["Hello?"])):
        stage.session.emit("conversation_item_added", ConversationItemAddedEvent(item=message))
    assert [turn.is_typed for turn in stage.turns] == [True, False]


async def test_after_closing_nothing_is_recorded(stage: Stage) -> None:
    await stage.recorder.aclose()
    stage.said("user", "Hello?", 10, 11, 11.2)
    assert stage.turns == []
