"""What comes in bodies and addresses is understood in one way, or refused with a sentence."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

from api.edge import strict_json
from contract.identity import new_call_id
from tests.api.service import Service, call_token, serve, settings_for
from tests.api.test_problems_and_keys import assert_problem

JSON = {"Content-Type": "application/json"}
AMBIGUOUS = {
    "twice": (b'{"assistant_id": "demo", "assistant_id": "other"}', "'assistant_id' twice"),
    "twice-inside": (b'{"metadata": {"a": 1, "a": 1}}', "'a' twice"),
    "nan": (b'{"metadata": {"x": NaN}}', "NaN"),
    "infinity": (b'{"metadata": {"x": -Infinity}}', "-Infinity"),
    "too-large-float": (b'{"metadata": {"x": 1e999}}', "too large"),
    "huge-integer": (b'{"metadata": {"x": 1' + b"0" * 5000 + b"}}", "64 bits"),
    "65-bits": (b'{"metadata": {"x": 18446744073709551616}}', "64 bits"),
    "null-character": (b'{"metadata": {"x": "\\u0000"}}', "u0000"),
    "null-character-in-a-name": (b'{"metadata": {"\\u0000": 1}}', "u0000"),
    "half-a-pair": (b'{"metadata": {"x": "\\ud83d"}}', "surrogate"),
    "deep": (b'{"metadata": ' + b'{"x":' * 65 + b"1" + b"}" * 66, "64 levels"),
    "abyss": (b"[" * 60_000, "64 levels"),
    "not-utf-8": (b'{"metadata": {"x": "\xff"}}', "UTF-8"),
    "utf-16": ('{"assistant_id": "demo"}'.encode("utf-16"), "UTF-8"),
    "cut": (b'{"assistant_id": ', "line 1"),
    "two": (b'{"assistant_id": "demo"} {}', "line 1"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", AMBIGUOUS)
async def test_a_body_that_two_readers_may_read_differently_is_refused(
    service: Service, name: str
) -> None:
    body, told = AMBIGUOUS[name]
    answer = await service.client.post("/web_call/get_token", content=body, headers=JSON)
    assert_problem(answer, 400, "malformed-json")
    assert told in answer.json()["detail"]
    assert (await service.get("/calls")).json()["items"] == []


async def test_every_address_that_takes_json_reads_it_as_strictly(service: Service) -> None:
    call_id = new_call_id()
    await service.given_call(call_id)
    for method, path in [
        ("POST", "/assistants"),
        ("PUT", "/assistants/demo"),
        ("PATCH", "/assistants/demo"),
        ("POST", f"/calls/{call_id}/hangup"),
        ("POST", "/codec/decode"),
    ]:
        for media_type in ("application/json", "application/merge-patch+json; charset=utf-8"):
            answer = await service.client.request(
                method, path, content=b'{"a": 1, "a": 2}', headers={"Content-Type": media_type}
            )
            assert_problem(answer, 400, "malformed-json")


async def test_deep_wide_and_foreign_but_clear_json_is_taken() -> None:
    strict_json.check(json.dumps({"x": [[["ü", "😀", -(2**63) + 1, 1e300, None]]] * 500}).encode())
    strict_json.check('{"x": "\\ud83d\\ude00 \u2028"}'.encode())
    strict_json.check(b'{"x":' * 62 + b"{}" + b"}" * 62)


def test_a_name_that_comes_twice_is_found_in_one_pass() -> None:
    names = ",".join(f'"{number}":1' for number in range(30_000))
    started = time.process_time()
    with pytest.raises(strict_json.AmbiguousJson, match="'29999' twice"):
        strict_json.check(f'{{{names},"29999":1}}'.encode())
    assert time.process_time() - started < 1  # looking anew for each name takes ten times as long


ASKS_FIRST = {"Expect": "100-continue"}  # from others the rest is taken, and thrown away
LARGE = 100_000  # bytes: more than anybody may send everywhere
STRANGERS = {"no key": "", "a guess": "Bearer guess", "a guessed token": "Bearer ct1.call_1.00"}


@pytest.mark.parametrize("authorization", STRANGERS.values(), ids=STRANGERS.keys())
@pytest.mark.parametrize("path", ["/internal/calls/call_1/turns", "/codec/decode"])
async def test_a_stranger_is_refused_before_a_large_body_is_read(
    service: Service, path: str, authorization: str
) -> None:
    read = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal read
        while read < 20 * LARGE:
            read += LARGE
            yield b" " * LARGE

    for headers in ({"Content-Length": str(20 * LARGE)}, {}):
        answer = await service.client.post(
            path,
            content=body(),
            headers=JSON | ASKS_FIRST | headers | {"Authorization": authorization},
        )
        assert_problem(answer, 401, "unauthorised")
        assert answer.headers["Connection"] == "close"
    assert read <= LARGE


async def test_a_stranger_is_not_told_what_is_wrong_with_turns(service: Service) -> None:
    answer = await service.post(
        "/internal/calls/call_1/turns", {"turns": [1]}, headers={"Authorization": ""}
    )
    assert_problem(answer, 401, "unauthorised")


async def test_agents_and_admins_may_send_more_where_more_is_needed(service: Service) -> None:
    call_id = new_call_id()
    await service.given_call(call_id)
    path, token = f"/internal/calls/{call_id}/turns", call_token(call_id)
    for size, status in ((LARGE, 204), (2_000_000, 413)):
        body = b'{"turns": []' + b" " * size + b"}"
        answer = await service.client.post(path, content=body, headers=JSON | token)
        assert answer.status_code == status, answer.text
    for size, status in ((LARGE, 200), (5_000_000, 413)):
        body = b'{"payloads": []' + b" " * size + b"}"
        answer = await service.client.post("/codec/decode", content=body, headers=JSON)
        assert answer.status_code == status, answer.text


@pytest.mark.parametrize(
    "path",
    ["/calls/%00", "/calls/a%00b/timeline", "/assistants/%00", "/calls/%ff", "/calls/%ED%A0%80"],
)
async def test_an_address_that_no_thing_can_have_is_404(service: Service, path: str) -> None:
    assert (await service.get(path)).status_code == 404


@pytest.mark.parametrize(
    "query",
    [
        "assistant_id=%00",
        "cursor=%00",
        "limit=" + "9" * 5000,
        "limit=NaN",
        "started_after=0001-01-01T00:00:00%2B14:00",
        "started_after=9999-12-31T23:59:59-14:00",
        "started_after=99999999999999",
    ],
)
async def test_a_query_that_nothing_can_answer_is_422(service: Service, query: str) -> None:
    answer = await service.get(f"/calls?{query}")
    assert answer.status_code == 422, answer.text
    assert answer.json()["detail"]


@pytest.mark.parametrize("last", ["-1", "9" * 30, "x", "1.5"])
async def test_a_last_event_id_that_was_never_given_is_422(service: Service, last: str) -> None:
    call_id = new_call_id()
    await service.given_call(call_id)
    answer = await service.get(f"/calls/{call_id}/events", headers={"Last-Event-ID": last})
    assert_problem(answer, 422, "invalid-request")


async def test_turns_at_the_edge_of_time_are_422(service: Service) -> None:
    call_id = new_call_id()
    await service.given_call(call_id)
    turn = {"source": "atlas-1", "source_seq": 1, "speaker": "caller", "text": "x"}
    times = {"start": "0001-01-01T00:00:00+14:00", "end": "9999-12-31T23:59:59-14:00"}
    answer = await service.post(
        f"/internal/calls/{call_id}/turns", {"turns": [turn | times]}, headers=call_token(call_id)
    )
    assert_problem(answer, 422, "invalid-request")


async def test_a_body_that_trickles_is_408(tmp_path: Path) -> None:
    async def trickle() -> AsyncIterator[bytes]:
        for _ in range(50):
            yield b" "
            await asyncio.sleep(0.02)

    async with serve(settings_for(tmp_path, body_timeout_seconds=0.2)) as service:
        answer = await service.client.post("/web_call/get_token", content=trickle(), headers=JSON)
        assert_problem(answer, 408, "body-too-slow")
        assert answer.headers["Connection"] == "close"


@pytest.mark.slow
async def test_an_answer_that_takes_too_long_is_503_and_streams_may_last(tmp_path: Path) -> None:
    async with serve(settings_for(tmp_path, request_timeout_seconds=1.0)) as service:
        async with service.parts.database.session():  # a writer that holds everybody up
            answer = await service.post("/assistants", {"name": "Late"})
            assert_problem(answer, 503, "timed-out")
            assert int(answer.headers["Retry-After"]) > 0
        assert len((await service.get("/assistants")).json()["items"]) == 1  # nothing half-done
        call_id = new_call_id()
        await service.given_call(call_id)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(2.0):
                await service.get(f"/calls/{call_id}/events")


async def test_an_unexpected_fault_is_answered_to_browsers_as_well(service: Service) -> None:
    async with service.parts.database.session() as session:
        from store.assistants import Assistants

        await Assistants(session).create("default", "broken", {"language": "x"})
    answer: httpx2.Response = await service.get(
        "/assistants/broken", headers={"Origin": "http://temporal-ui.test"}
    )
    assert_problem(answer, 500, "internal-error")
    assert answer.headers["Access-Control-Allow-Origin"] == "http://temporal-ui.test"
    assert "RateLimit" in answer.headers
