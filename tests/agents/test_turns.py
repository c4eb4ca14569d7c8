from __future__ import annotations

from datetime import UTC, datetime

import aiohttp

from agents.turns import Turn, TurnPoster
from tests.agents.compass_double import CompassDouble

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def turn(number: int) -> Turn:
    return Turn(speaker="caller", text=f"turn {number}", start=NOON, end=NOON, language="en-US")


def poster(http: aiohttp.ClientSession, api: CompassDouble, token: str = "t") -> TurnPoster:
    url = f"{api.url}/internal/calls/call_1/turns"
    return TurnPoster(http, url=url, call_token=token, source="atlas-1", first_backoff=0.01)


async def test_turns_arrive_in_order_and_in_batches_of_at_most_a_hundred() -> None:
    async with CompassDouble("t") as api, aiohttp.ClientSession() as http:
        turns = poster(http, api)
        for number in range(150):
            turns.add(turn(number))
        turns.start()
        await turns.aclose()
        assert [posted["source_seq"] for posted in api.turns] == list(range(1, 151))
        assert api.posts == 2
        assert api.turns[0] == {
            "source": "atlas-1",
            "source_seq": 1,
            "speaker": "caller",
            "text": "turn 0",
            "language": "en-US",
            "start": "2026-11-21T12:00:00+00:00",
            "end": "2026-11-21T12:00:00+00:00",
            "sentiment": None,
            "reason": None,
        }


async def test_turns_are_posted_again_until_the_api_takes_them() -> None:
    async with CompassDouble("t") as api, aiohttp.ClientSession() as http:
        api.failing_posts = 3
        turns = poster(http, api)
        turns.start()
        turns.add(turn(1))
        await turns.aclose()
        assert (len(api.turns), api.posts) == (1, 4)


async def test_turns_that_the_api_refuses_do_not_block_the_way() -> None:
    async with CompassDouble("t") as api, aiohttp.ClientSession() as http:
        turns = poster(http, api, token="another call's")
        turns.start()
        turns.add(turn(1))
        await turns.aclose()
        assert (api.turns, api.posts) == ([], 1)
