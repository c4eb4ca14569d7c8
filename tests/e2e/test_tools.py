"""An assistant that asks somebody else's service during the call."""

from __future__ import annotations

import pytest

from tests.e2e.conversation import BOOKING, voice_of
from tests.e2e.listening import VoiceEar, hear_out
from tests.e2e.reservation_book import ReservationBook, check_table
from tests.e2e.switchboard import Switchboard

pytestmark = [pytest.mark.stack, pytest.mark.asyncio(loop_scope="session")]


async def test_a_table_is_booked_by_the_restaurants_own_service(
    switchboard: Switchboard, reservation_book: ReservationBook, atlas: VoiceEar
) -> None:
    booked = "Yes, table seven is free for you on Friday evening."
    atlas.learn(booked)
    tool = check_table(reservation_book) | {"headers": {"X-Key": "key of the book"}}
    assistant = await switchboard.make_assistant(opening={"mode": "wait"}, tools={"http": [tool]})
    call = await switchboard.place_call(assistant, record=False)
    caller = await call.join()
    await call.has_happened("opening_started")
    spoken = await caller.say(BOOKING)
    answer = await hear_out(await voice_of(caller), atlas, spoken.ended_at)
    assert answer is not None
    assert (answer.text, answer.is_clear) == (booked, True)
    assert reservation_book.asked == [{"guests": 4, "day": "Friday", "time": "19:30"}]
    assert reservation_book.keys_shown == ["key of the book"]
    assert [turn["text"] for turn in await call.turns(2)] == [BOOKING, booked]
