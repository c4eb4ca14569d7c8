"""What earlier versions wrote is there, and readable, after every migration."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, MetaData, func, inspect, select, text
from structlog.testing import capture_logs

from contract.calls import RecordingStatus
from contract.identity import call_id_for_key
from store.api_keys import ApiKeys, Role, hash_key
from store.assistants import Assistants
from store.call_pages import CallPage
from store.calls import Calls
from store.database import Database
from store.idempotency import IdempotencyKeys
from store.ledger import Ledger
from store.models import Base
from store.numbers import Numbers, Route
from store.recordings import Recordings
from store.transcripts import Transcripts
from tests.store.calls import NOON, new_call

pytestmark = pytest.mark.slow  # a database of its own for each

CALL = "call_" + "0" * 26
OPEN_CALL = "call_" + "1" * 26
STARTED_BY_KEY = call_id_for_key("acme", "order-17", 1)
_USUAL_CALL = {
    "tenant_id": "acme",
    "direction": "web",
    "provider": "web",
    "assistant_id": "desk",
    "room_sid": "RM_1",
    "human_identity": "caller",
    "language": "en-US",
    "record": True,
    "metadata": {"order": "A-17"},
    "started_at": NOON,
}


def rows_of_0001() -> dict[str, list[dict[str, Any]]]:
    """Something in every table, as revision 0001's code wrote it."""
    return {
        "api_keys": [
            {
                "key_hash": hash_key(key),
                "tenant_id": "acme",
                "role": role,
                "name": key,
                "created_at": NOON,
                "revoked_at": revoked_at,
            }
            for key, role, revoked_at in (
                ("good", "admin", None),
                ("gone", "operator", NOON),
                ("other", "auditor", None),
            )
        ],
        "assistants": [
            {
                "id": assistant_id,
                "tenant_id": tenant_id,
                "config": {"language": language, "record": True, "max_duration_seconds": 60},
                "created_at": NOON,
                "updated_at": NOON,
            }
            for assistant_id, tenant_id, language in (
                ("desk", "acme", "de-DE"),
                ("bar", "other", "en-US"),
            )
        ],
        "calls": [
            _USUAL_CALL
            | {
                "call_id": CALL,
                "room_name": CALL,
                "status": "ended",
                "participant_name": "Zoë",
                "answered_at": NOON,
                "ended_at": NOON,
                "ended_reason": "caller_hung_up",
                "ended_by": "caller",
                "ended_detail": "The caller left.",
                "talk_seconds": 12.5,
            },
            _USUAL_CALL | {"call_id": OPEN_CALL, "room_name": "lobby", "status": "in_progress"},
            _USUAL_CALL
            | {"call_id": STARTED_BY_KEY, "room_name": STARTED_BY_KEY, "status": "queued"},
        ],
        "call_events": [
            {
                "call_id": CALL,
                "seq": seq,
                "source": "workflow",
                "source_seq": seq,
                "at": NOON,
                "actor": "platform",
                "kind": "room_opened",
                "text": f"Line {seq} · ☎",
                "data": {"n": seq},
            }
            for seq in (1, 2)
        ],
        "transcript_turns": [
            {
                "call_id": CALL,
                "source": "atlas-1",
                "source_seq": 1,
                "speaker": "caller",
                "text": "A table for two.",
                "language": "en-US",
                "start_at": NOON,
                "end_at": NOON,
                "sentiment": {"compound": 0.5},
            }
        ],
        "recordings": [
            {
                "call_id": CALL,
                "status": "ready",
                "attempts": 1,
                "egress_id": "EG_1",
                "detail": "",
                "object_key": "calls/1.ogg",
                "duration_seconds": 12.0,
                "size_bytes": 2**33,
                "sha256": "ab" * 32,
                "updated_at": NOON,
            }
        ],
        "ledger": [
            {
                "call_id": CALL,
                "tenant_id": "acme",
                "total": "0.013200",
                "currency": "USD",
                "partial": False,
                "items": [{"what": "speech"}],
                "settled_at": NOON,
            }
        ],
        "idempotency_keys": [
            {
                "tenant_id": "acme",
                "key_hash": hash_key("order-17"),
                "body_hash": "body",
                "call_id": STARTED_BY_KEY,
                "attempt": 1,
                "state": "started",
                "created_at": NOON,
            }
        ],
    }


def fill(connection: Connection, written: dict[str, list[dict[str, Any]]]) -> set[str]:
    """Into tables as they are, whose names it gives back."""
    tables = MetaData()
    tables.reflect(connection)
    is_sqlite = connection.dialect.name == "sqlite"  # whose times are naive UTC
    for table in tables.sorted_tables:
        for row in written.get(table.name, []):
            kept = {
                name: value.replace(tzinfo=None)
                if is_sqlite and isinstance(value, datetime)
                else value
                for name, value in row.items()
            }
            connection.execute(table.insert().values(kept))
    return set(tables.tables)


@pytest.fixture
async def upgraded(empty_database_url: str) -> AsyncIterator[Database]:
    database = Database(empty_database_url)
    await database.migrate("0001")
    async with database.engine.begin() as connection:
        tables = await connection.run_sync(fill, rows_of_0001())
        assert tables - {"alembic_version"} == set(rows_of_0001())
    await database.migrate()
    yield database
    await database.aclose()


async def test_no_row_is_lost_on_the_way(upgraded: Database) -> None:
    tables = Base.metadata.tables
    async with upgraded.reader() as session:
        for name, rows in rows_of_0001().items():
            count = await session.scalar(select(func.count()).select_from(tables[name]))
            assert (name, count) == (name, len(rows))


async def test_calls_and_all_that_hangs_on_them_are_read_as_before(upgraded: Database) -> None:
    async with upgraded.reader() as session:
        calls = Calls(session)
        row = await calls.get(CALL, "acme")
        assert row is not None
        assert (row.participant_name, row.talk_seconds, row.ended_at) == ("Zoë", 12.5, NOON)
        assert row.metadata_ == {"order": "A-17"}
        events = [(event.seq, event.text, event.data) for event in await calls.events(CALL)]
        assert events == [(seq, f"Line {seq} · ☎", {"n": seq}) for seq in (1, 2)]
        (turn,) = await Transcripts(session).list(CALL)
        assert (turn.text, turn.sentiment) == ("A table for two.", {"compound": 0.5})
        recording = await Recordings(session).by_egress("EG_1")
        assert recording is not None
        assert (recording.size_bytes, recording.updated_at) == (2**33, NOON)
        bill = await Ledger(session).get(CALL)
        assert bill is not None
        assert (bill.total, bill.items) == ("0.013200", [{"what": "speech"}])
        assert (bill.price_table, bill.partial_because, bill.seconds) == ("", [], {})
        in_lobby = await calls.open_call_in_room("lobby")
        assert in_lobby is not None
        assert in_lobby.call_id == OPEN_CALL
        page = await calls.list(CallPage(tenant_id="acme"))
        assert {row.call_id: status for row, status in page.items} == {
            CALL: RecordingStatus.READY,
            OPEN_CALL: RecordingStatus.PENDING,
            STARTED_BY_KEY: RecordingStatus.PENDING,
        }


async def test_keys_open_what_they_opened_and_can_now_be_told_apart(upgraded: Database) -> None:
    async with upgraded.session() as session:
        keys = ApiKeys(session)
        good = await keys.principal("good")
        assert good is not None
        assert (good.tenant_id, good.role) == ("acme", Role.ADMIN)
        assert await keys.principal("gone") is None
        listed = (await keys.list("acme")).items
        assert len({key.id for key in listed}) == 3
        ids = {key.name: key.id for key in listed}
        await keys.revoke_by_id("acme", ids["other"])
        assert await keys.principal("other") is None
        # A process of the version before, started again with its bootstrap key.
        assert not await keys.add("good", "acme", Role.ADMIN, "bootstrap")


async def test_assistants_stay_their_tenants_and_ids_are_free_for_others(
    upgraded: Database,
) -> None:
    async with upgraded.session() as session:
        assistants = Assistants(session)
        assert [kept.id for kept in (await assistants.list("acme")).items] == ["desk"]
        await assistants.create("other", "desk", {"language": "en-US"})
        mine = await assistants.get("acme", "desk")
        assert mine is not None
        assert (mine.language, mine.created_at) == ("de-DE", NOON)
        await Numbers(session).create("acme", "+12025550123", Route(assistant_id="desk"))


async def test_no_kept_answer_shows_what_a_tool_sends_in_headers(empty_database_url: str) -> None:
    """The configuration itself keeps it, for the API to seal (tests/api/test_tool_headers.py)."""
    tools = {"http": [{"name": "book", "headers": {"X-Key": "a secret"}}, {"headers": {}}]}
    times = {"created_at": NOON, "updated_at": NOON}
    config = {"id": "desk", "tools": tools}
    key = {"tenant_id": "acme", "body_hash": "b", "attempt": 1, "state": "started"}
    rows = {
        "assistants": [{"id": "desk", "tenant_id": "acme", "config": config} | times],
        "idempotency_keys": [
            key
            | {"created_at": NOON, "operation": operation, "key_hash": hash_key(operation)}
            | kept
            for operation, kept in (
                ("create-assistant", {"answer": config}),
                ("create-trunk", {"answer": {"id": "mumbai"}}),
                ("start-web-call", {}),
            )
        ],
    }
    database = Database(empty_database_url)
    await database.migrate("0003")
    async with database.engine.begin() as connection:
        await connection.run_sync(fill, rows)
    await database.migrate()
    async with database.session() as session:
        keys = IdempotencyKeys(session)
        answer = await keys.answer_of("acme", "create-assistant", "b", "create-assistant")
        (stored,) = await Assistants(session).with_headers()
    await database.aclose()
    assert answer is not None
    assert [tool["headers"] for tool in answer["tools"]["http"]] == [{"X-Key": "[hidden]"}, {}]
    assert (stored.config["tools"], stored.sealed_headers) == (tools, None)


async def test_a_start_is_still_found_by_its_key(upgraded: Database) -> None:
    async with upgraded.session() as session:
        claim = await IdempotencyKeys(session).claim("acme", "order-17", "body")
    assert (claim.call_id, claim.is_first) == (STARTED_BY_KEY, False)


async def test_the_tables_go_on_taking_rows(upgraded: Database) -> None:
    async with upgraded.session() as session:
        await Calls(session).insert(new_call(started_at=datetime.now(UTC)))
    await upgraded.migrate()  # again: nothing to do


async def test_a_process_of_the_version_before_starts_on_a_newer_schema(
    upgraded: Database,
) -> None:
    """A container that restarts during an upgrade, or after a rollback."""
    newer = [
        "ALTER TABLE calls ADD COLUMN colour VARCHAR(20)",
        "UPDATE alembic_version SET version_num = '9999'",
    ]
    async with upgraded.engine.begin() as connection:
        for statement in newer:
            await connection.execute(text(statement))
    with capture_logs() as logs:
        await upgraded.migrate()
    assert [(told["event"], told["revisions"]) for told in logs] == [("schema_is_newer", ["9999"])]
    async with upgraded.session() as session:
        await Calls(session).insert(new_call(started_at=datetime.now(UTC)))
    async with upgraded.reader() as session:
        kept = await session.scalar(text("SELECT version_num FROM alembic_version"))
        assert kept == "9999"
        assert await Calls(session).get(CALL, "acme") is not None


async def test_the_migrations_make_the_models(upgraded: Database) -> None:
    def differences(connection: Connection) -> list[object]:
        found = list(compare_metadata(MigrationContext.configure(connection), Base.metadata))
        # What Alembic does not compare.
        inspector = inspect(connection)
        for name, table in Base.metadata.tables.items():
            key = inspector.get_pk_constraint(name)["constrained_columns"]
            if key != [column.name for column in table.primary_key.columns]:
                found.append((name, key))
        return found

    async with upgraded.engine.connect() as connection:
        assert await connection.run_sync(differences) == []
