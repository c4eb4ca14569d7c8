"""A client that asks too often is told when to come back, and takes nothing from the others."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest
from sqlalchemy import event

from contract.identity import new_call_id
from store.api_keys import ApiKeys, Role
from tests.api.service import Service, call_token, serve, settings_for
from tests.api.test_problems_and_keys import assert_problem, given_key

pytestmark = pytest.mark.slow  # waits for windows to pass

QUOTA, OF_ADDRESS = 5, 8


@pytest.fixture
async def strict(tmp_path: Path, database_url: str) -> AsyncIterator[Service]:
    settings = settings_for(
        tmp_path,
        database_url=database_url,
        rate_limit_requests=QUOTA,
        address_rate_limit_requests=OF_ADDRESS,
        rate_limit_window_seconds=600,
        max_open_streams=2,
    )
    async with serve(settings) as service:
        yield service


def left(answer: httpx2.Response) -> tuple[str, int]:
    """The policy that counted this request, and what is left of it."""
    found = re.fullmatch(r'"(\w+)";r=(\d+);t=\d+', answer.headers["RateLimit"])
    assert found is not None
    policy = found[1]
    quota = QUOTA if policy == "key" else OF_ADDRESS
    assert answer.headers["RateLimit-Policy"] == f'"{policy}";q={quota};w=600'
    return policy, int(found[2])


async def test_a_key_has_so_many_requests_and_each_answer_counts_them(strict: Service) -> None:
    answers = [await strict.get("/calls") for _ in range(QUOTA)]
    assert [left(answer) for answer in answers] == [("key", n) for n in (4, 3, 2, 1, 0)]
    refused = await strict.get("/calls")
    assert_problem(refused, 429, "rate-limited")
    wait = int(refused.headers["Retry-After"])
    assert 0 < wait <= 120
    assert refused.headers["RateLimit"] == f'"key";r=0;t={wait}'
    assert f"in {wait} s" in refused.json()["detail"]


async def test_refusals_and_faults_are_counted_too(strict: Service) -> None:
    assert left(await strict.get("/calls/nothing")) == ("key", 4)
    assert left(await strict.post("/web_call/get_token", {})) == ("key", 3)
    away = await strict.post("/web_call/get_token", {"assistant_id": "demo"})
    assert (away.status_code, left(away)) == (503, ("key", 2))


async def test_each_key_has_its_own_quota(strict: Service) -> None:
    other = await given_key(strict, "another key", "other", Role.ADMIN)
    for _ in range(QUOTA + 1):
        last = await strict.get("/calls")
    assert last.status_code == 429
    assert left(await strict.get("/calls", headers=other)) == ("key", 4)


async def test_strangers_share_the_quota_of_their_address_and_not_that_of_a_key(
    strict: Service,
) -> None:
    await strict.get("/calls")  # its key is known to be good from now on
    for number in range(OF_ADDRESS):
        guess = await strict.get("/calls", headers={"Authorization": f"Bearer guess-{number}"})
        assert (guess.status_code, left(guess)) == (401, ("address", OF_ADDRESS - 1 - number))
    refused = await strict.get("/nothing", headers={"Authorization": ""})
    assert_problem(refused, 429, "rate-limited")
    assert (await strict.get("/calls")).status_code == 200


async def test_who_guesses_keys_locks_no_good_one_out_at_his_address(strict: Service) -> None:
    """This replica has never seen the good one; another may have."""
    guesses = [{"Authorization": f"Bearer guess-{number}"} for number in range(60)]
    answers = [await strict.get("/calls", headers=guess) for guess in guesses[:OF_ADDRESS]]
    assert {answer.status_code for answer in answers} == {401}
    asked = statements_of(strict)
    for guess in guesses[OF_ADDRESS:]:
        assert_problem(await strict.get("/calls", headers=guess), 429, "rate-limited")
    assert len(asked) <= 2, asked  # however many are guessed
    assert left(await strict.get("/calls")) == ("key", QUOTA - 1)
    assert left(await strict.get("/calls")) == ("key", QUOTA - 2)
    again = await strict.get("/calls", headers=guesses[0])
    assert (again.status_code, left(again)) == (429, ("address", 0))


def statements_of(service: Service) -> list[str]:
    """What the database is asked from now on."""
    asked: list[str] = []
    engine = service.parts.database.engine.sync_engine

    @event.listens_for(engine, "before_cursor_execute")
    def note(_c: object, _cursor: object, statement: str, *_rest: object) -> None:
        asked.append(statement)

    return asked


async def test_a_revoked_key_loses_its_quota(strict: Service) -> None:
    headers = await given_key(strict, "soon-gone", "default", Role.ADMIN)
    assert left(await strict.get("/calls", headers=headers)) == ("key", 4)
    async with strict.parts.database.session() as session:
        await ApiKeys(session).revoke("soon-gone")
    for number in range(2):
        answer = await strict.get("/calls", headers=headers)
        assert (answer.status_code, left(answer)) == (401, ("address", OF_ADDRESS - 1 - number))


async def test_a_calls_agents_have_a_quota_of_their_own(strict: Service) -> None:
    first, second = new_call_id(), new_call_id()
    for call_id in (first, second):
        await strict.given_call(call_id)
        answer = await strict.get("/assistants/demo", headers=call_token(call_id))
        assert (answer.status_code, left(answer)) == (200, ("key", 4))


async def test_probes_webhooks_and_agents_turns_are_never_counted(strict: Service) -> None:
    for _ in range(OF_ADDRESS + QUOTA + 2):
        assert (await strict.get("/healthz")).status_code == 200
    call_id = new_call_id()
    await strict.given_call(call_id)
    for _ in range(QUOTA + 2):
        turns = await strict.post(
            f"/internal/calls/{call_id}/turns", {"turns": []}, headers=call_token(call_id)
        )
        assert turns.status_code == 204
        unsigned = await strict.post("/livekit/webhook", {})
        assert_problem(unsigned, 401, "unauthorised")
        assert "RateLimit" not in unsigned.headers


async def test_strangers_are_counted_where_agents_are_not(strict: Service) -> None:
    stranger = {"Authorization": "Bearer ct1.call_1.00"}
    for number in range(OF_ADDRESS):
        answer = await strict.post("/internal/calls/call_1/turns", {}, headers=stranger)
        assert (answer.status_code, left(answer)) == (401, ("address", OF_ADDRESS - 1 - number))
    refused = await strict.post("/internal/calls/call_1/turns", {}, headers=stranger)
    assert_problem(refused, 429, "rate-limited")


@pytest.mark.parametrize(
    ("bound", "who"), [("max_open_streams", "key"), ("max_open_streams_per_tenant", "tenant")]
)
async def test_a_key_and_a_tenant_may_hold_only_so_many_event_streams_open(
    tmp_path: Path, bound: str, who: str
) -> None:
    async with serve(settings_for(tmp_path, **{bound: 2})) as service:
        calls = {}
        for tenant in ("default", "other"):
            calls[tenant] = new_call_id()
            await service.given_call(calls[tenant], tenant_id=tenant)
        colleague = await given_key(service, "colleague", "default", Role.AUDITOR)
        stranger = await given_key(service, "stranger", "other", Role.AUDITOR)
        path = f"/calls/{calls['default']}/events"
        # A tenant's two streams are not one key's.
        others = colleague if who == "tenant" else {}
        streams = [
            asyncio.create_task(service.get(path, headers=headers)) for headers in ({}, others)
        ]
        await streams_open(service, 2)
        refused = await service.get(path)
        assert_problem(refused, 429, "too-many-streams")
        assert refused.json()["detail"].startswith(f"This {who} has 2 event streams open")
        assert int(refused.headers["Retry-After"]) > 0
        elsewhere = f"/calls/{calls['other']}/events"
        streams.append(asyncio.create_task(service.get(elsewhere, headers=stranger)))
        await streams_open(service, 3)
        assert not streams[-1].done()
        for stream in streams:
            stream.cancel()
        await asyncio.gather(*streams, return_exceptions=True)
        await streams_open(service, 0)
        third = asyncio.create_task(service.get(path))
        await streams_open(service, 1)
        assert not third.done()
        third.cancel()


async def streams_open(service: Service, count: int) -> None:
    """Until so many are; each is counted for its key and for its tenant."""
    async with asyncio.timeout(20):
        while service.parts.open_streams._open.total() != 2 * count:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
