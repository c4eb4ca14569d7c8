"""Repeats are safe and polite; broken connections are taken up where they broke."""

from __future__ import annotations

import json
import time

from aiohttp import web

from tests.cli.running import run
from tests.cli.small_api import Answer, SmallApi, problem, small_api, told

CALL = {
    "call_id": "call_1",
    "status": "ended",
    "ended_reason": "caller_hung_up",
}


async def hang_up(api: SmallApi, patience: str) -> tuple[int, str]:
    ran = await run(
        "calls", "hangup", "call_1", environment=api.environment(SWITCHBOARD_PATIENCE=patience)
    )
    return ran.code, ran.err


async def test_a_busy_service_is_asked_again_when_it_said_under_one_key() -> None:
    good = told(200, {"call_id": "call_1", "ended_reason": "operator_hung_up", "ended_by": "x"})
    busy = problem(503, "unavailable", Retry_After="1")
    limited = problem(429, "rate-limited", Retry_After="1")
    async with small_api(busy, limited, good) as api:
        begun = time.monotonic()
        code, said = await hang_up(api, "15")
        assert code == 0, said
        assert time.monotonic() - begun >= 2
    keys = {request.headers["Idempotency-Key"] for request in api.asked}
    assert (len(api.asked), len(keys)) == (3, 1)


async def test_a_lost_answer_is_asked_for_again_under_the_same_key() -> None:
    async def lose(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.close()
        return web.Response()

    good = told(200, {"call_id": "call_1", "ended_reason": "operator_hung_up", "ended_by": "x"})
    async with small_api(lose, good) as api:
        code, said = await hang_up(api, "15")
    assert code == 0, said
    assert len({request.headers["Idempotency-Key"] for request in api.asked}) == 1


async def test_patience_ends_with_8_and_7() -> None:
    for status, expected in ((429, 8), (503, 7)):
        async with small_api(problem(status, "busy", Retry_After="600")) as api:
            begun = time.monotonic()
            code, _ = await hang_up(api, "2")
            assert code == expected
            assert time.monotonic() - begun < 30  # a pause beyond our patience is not begun
            assert len(api.asked) == 1


async def test_refusals_are_not_repeated() -> None:
    for status, expected in ((409, 6), (422, 5), (403, 4), (404, 3), (500, 7)):
        async with small_api(problem(status, "no")) as api:
            assert (await hang_up(api, "15"))[0] == expected
            assert len(api.asked) == 1


async def test_something_else_at_the_address_is_no_traceback() -> None:
    async def page(_request: web.Request) -> web.StreamResponse:
        return web.Response(text="<html>Welcome to nginx!</html>", content_type="text/html")

    async with small_api(page) as api:
        code, said = await hang_up(api, "0")
    assert code == 7
    assert "not as Switchboard" in said


async def test_watching_goes_on_after_the_last_event_that_it_saw() -> None:
    def stream(*numbers: int, breaks: bool) -> Answer:
        async def answer(request: web.Request) -> web.StreamResponse:
            response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
            response.enable_chunked_encoding()
            await response.prepare(request)
            for number in numbers:
                data = json.dumps({"seq": number, "at": "2026-01-05T12:00:00Z", "text": "x"})
                await response.write(f"id: {number}\ndata: {data}\n\n: ping\n\n".encode())
            if breaks:
                assert request.transport is not None
                request.transport.close()
            return response

        return answer

    away = problem(503, "unavailable", Retry_After="1")
    answers = (
        stream(1, 2, breaks=True),
        away,
        stream(2, 3, breaks=False),
        told(200, CALL),
    )
    async with small_api(*answers) as api:
        watched = await run("calls", "watch", "call_1", "--json", environment=api.environment())
    assert watched.code == 0, watched.err
    assert [line.get("seq") for line in watched.lines] == [1, 2, 3, None]
    assert watched.lines[-1] == {"call": CALL}
    resumed = [request.headers.get("Last-Event-ID") for request in api.asked]
    assert resumed == [None, "2", "2", None]
    assert "The connection broke" in watched.err
