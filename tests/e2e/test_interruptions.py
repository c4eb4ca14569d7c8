"""Speaking while Atlas speaks: it falls silent and listens, or not, as the assistant has it."""

from __future__ import annotations

import pytest

from sandbox.caller import Caller
from sandbox.caller.hearing import Hearing
from tests.e2e.conversation import BOOKING, DOG, answer_to, voice_of
from tests.e2e.listening import VoiceEar, hear_out
from tests.e2e.reservation_book import ReservationBook, check_table
from tests.e2e.switchboard import Switchboard, WebCall

pytestmark = [pytest.mark.stack, pytest.mark.asyncio(loop_scope="session")]

# Spoken as one answer of some twelve seconds.
LONG_STORY = (
    "the round table by the window, which looks out on the harbour, the old lighthouse, the "
    "fishing boats and the evening sun, and which every guest of ours has always loved best, "
    "the one that we keep for birthdays, weddings and other great days of the year,"
)


async def test_a_caller_who_cuts_in_is_listened_to(
    switchboard: Switchboard, reservation_book: ReservationBook, atlas: VoiceEar
) -> None:
    call, caller, voice, _ = await in_a_long_answer(switchboard, reservation_book, True)
    spoken = await caller.say(DOG)
    answer = await hear_out(voice, atlas, spoken.ended_at)
    assert answer is not None
    assert (answer.text, answer.is_clear) == (answer_to(DOG), True), answer
    # Since the question's end nothing but the answer was heard, so the story was over by then.
    assert spoken.ended_at - spoken.started_at < 1.5
    turns = await call.turns(4)
    assert [turn["text"] for turn in turns[2:]] == [DOG, answer_to(DOG)]
    assert len(turns[1]["text"]) < len(LONG_STORY)  # the record has what was said, no more


async def test_an_assistant_that_must_not_be_interrupted_talks_on(
    switchboard: Switchboard, reservation_book: ReservationBook
) -> None:
    _, caller, voice, begun = await in_a_long_answer(switchboard, reservation_book, False)
    spoken = await caller.say(DOG)
    over = await voice.wait_for_quiet(1.5)
    assert over > spoken.ended_at + 2
    assert over - begun > 9
    assert voice.loud_seconds(spoken.started_at, over) > 0.6 * (over - spoken.started_at)


async def in_a_long_answer(
    switchboard: Switchboard, book: ReservationBook, interruptions: bool
) -> tuple[WebCall, Caller, Hearing, float]:
    book.table = LONG_STORY
    assistant = await switchboard.make_assistant(
        opening={"mode": "wait"},
        turn={"allow_interruptions": interruptions},
        tools={"http": [check_table(book)]},
    )
    call = await switchboard.place_call(assistant, record=False)
    caller = await call.join()
    await call.has_happened("opening_started")
    asked = await caller.say(BOOKING)
    voice = await voice_of(caller)
    begun = await voice.wait_until_heard(1.5, since=asked.ended_at)
    return call, caller, voice, begun
