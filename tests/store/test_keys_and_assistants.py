from __future__ import annotations

import asyncio

import pytest

from contract.identity import call_id_for_key
from store.api_keys import ApiKeys, Role
from store.assistants import Assistants
from store.database import Database
from store.errors import AssistantExists, AssistantUnknown, IdempotencyKeyReused
from store.idempotency import Claim, IdempotencyKeys

CONFIG = {"language": "en-US", "record": True, "max_duration_seconds": 60}


async def claim(database: Database, body_hash: str = "body") -> Claim:
    async with database.session() as session:
        return await IdempotencyKeys(session).claim("acme", "key", body_hash)


async def release(database: Database, attempt: int) -> None:
    async with database.session() as session:
        await IdempotencyKeys(session).release("acme", "key", attempt)


async def test_one_of_many_claimants_is_first_and_all_learn_one_call(database: Database) -> None:
    claims = await asyncio.gather(*(claim(database) for _ in range(20)))
    assert sum(claimed.is_first for claimed in claims) == 1
    assert {claimed.call_id for claimed in claims} == {call_id_for_key("acme", "key")}


async def test_a_key_with_another_body_is_refused(database: Database) -> None:
    await claim(database)
    with pytest.raises(IdempotencyKeyReused):
        await claim(database, body_hash="other")


async def test_a_released_key_starts_another_call_once(database: Database) -> None:
    first = await claim(database)
    await release(database, first.attempt)
    await release(database, first.attempt)
    second = await claim(database)
    await release(database, first.attempt)  # late: this attempt is no longer current
    third = await claim(database)
    assert second == Claim(call_id=call_id_for_key("acme", "key", 2), attempt=2, is_first=True)
    assert third == Claim(call_id=second.call_id, attempt=2, is_first=False)


async def test_a_released_key_is_free_for_another_request(database: Database) -> None:
    first = await claim(database)
    await release(database, first.attempt)
    second = await claim(database, body_hash="other")
    assert (second.attempt, second.is_first) == (2, True)
    with pytest.raises(IdempotencyKeyReused):
        await claim(database)
    await release(database, second.attempt)
    who = ("acme", "key", "third", "create-trunk")
    for kept in (None, {"id": "mumbai"}):
        async with database.session() as session:
            keys = IdempotencyKeys(session)
            assert await keys.answer_of(*who) == kept
            await keys.keep_answer("acme", "key", {"id": "mumbai"})
    with pytest.raises(IdempotencyKeyReused):
        await claim(database, body_hash="third")  # for another operation


async def test_a_transaction_that_fails_leaves_its_key_free(database: Database) -> None:
    async def answer(body_hash: str, *, fails: bool) -> dict[str, object] | None:
        async with database.session() as session:
            keys = IdempotencyKeys(session)
            kept = await keys.answer_of("acme", "key", body_hash, "create-trunk")
            if fails:
                raise RuntimeError
            await keys.keep_answer("acme", "key", {"id": body_hash})
            return kept

    with pytest.raises(RuntimeError):
        await answer("one", fails=True)
    assert await answer("two", fails=False) is None
    assert await answer("two", fails=False) == {"id": "two"}


async def test_an_api_key_is_known_by_its_hash_until_revoked(database: Database) -> None:
    async with database.session() as session:
        keys = ApiKeys(session)
        assert await keys.add("secret", "acme", Role.OPERATOR, "front desk")
        assert not await keys.add("secret", "acme", Role.ADMIN, "again")
    async with database.reader() as session:
        principal = await ApiKeys(session).principal("secret")
        assert principal is not None
        assert (principal.tenant_id, principal.role) == ("acme", Role.OPERATOR)
        assert await ApiKeys(session).principal("Secret") is None
    async with database.session() as session:
        await ApiKeys(session).revoke("secret")
        assert await ApiKeys(session).principal("secret") is None


async def test_tenants_use_the_same_id_without_noticing_each_other(database: Database) -> None:
    async with database.session() as session:
        assistants = Assistants(session)
        await assistants.create("acme", "desk", CONFIG)
        await assistants.create("other", "desk", CONFIG | {"language": "de-DE"})
        with pytest.raises(AssistantExists):
            await assistants.create("acme", "desk", CONFIG)
        mine = await assistants.get("acme", "desk")
        theirs = await assistants.get("other", "desk")
    assert mine is not None
    assert theirs is not None
    assert (mine.tenant_id, mine.language, mine.record) == ("acme", "en-US", True)
    assert (theirs.tenant_id, theirs.language) == ("other", "de-DE")


async def test_by_its_id_alone_the_default_tenants_assistant_is_found_else_the_oldest(
    database: Database,
) -> None:
    async def found() -> str | None:
        async with database.reader() as session:
            assistant = await Assistants(session).find("desk")
        return assistant.tenant_id if assistant is not None else None

    seen = [await found()]
    for tenant_id in ("zenith", "acme", "default"):
        async with database.session() as session:
            await Assistants(session).create(tenant_id, "desk", CONFIG)
        seen.append(await found())
    assert seen == [None, "zenith", "zenith", "default"]


async def test_an_assistant_is_changed_and_deleted_by_its_tenant_only(database: Database) -> None:
    async with database.session() as session:
        assistants = Assistants(session)
        await assistants.create("acme", "desk", CONFIG)
        with pytest.raises(AssistantUnknown):
            await assistants.update("other", "desk", CONFIG, "")
        with pytest.raises(AssistantUnknown):
            await assistants.delete("other", "desk")
        await assistants.update("acme", "desk", CONFIG | {"language": "de-DE"}, "")
    async with database.session() as session:
        assistants = Assistants(session)
        assert [kept.language for kept in (await assistants.list("acme")).items] == ["de-DE"]
        await assistants.delete("acme", "desk")
        assert await assistants.count() == 0
