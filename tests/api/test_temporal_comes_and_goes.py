"""Temporal away when the API starts, then there, then gone and back: no restart is needed."""

from __future__ import annotations

from pathlib import Path

import pytest

from api.settings import ApiSettings
from contract.identity import call_id_for_key
from store.calls import Calls
from tests.api.service import Service, free_port, serve, settings_for
from tests.api.temporal import eventually, start_temporal, started_workflows, worker
from tests.api.webhooks import deliver, event

pytestmark = pytest.mark.stack

BODY = {"assistant_id": "demo"}


def settings_at(port: int, folder: Path, database_url: str) -> ApiSettings:
    return settings_for(folder, temporal_address=f"127.0.0.1:{port}", database_url=database_url)


async def open_calls(service: Service) -> int:
    async with service.parts.database.reader() as session:
        return len(await Calls(session).open_calls())


async def test_calls_are_refused_while_temporal_is_away_and_taken_once_it_is_there(
    tmp_path: Path, database_url: str
) -> None:
    port = free_port()
    settings = settings_at(port, tmp_path, database_url)
    async with serve(settings) as service:
        headers = {"Idempotency-Key": "patience"}
        refused = await service.post("/web_call/get_token", BODY, headers=headers)
        assert (refused.status_code, await open_calls(service)) == (503, 0)
        # A join, too: its row waits, and the call starts as soon as Temporal is there.
        joined = await deliver(service, event("participant_joined", "lobby-1"))
        assert (joined.status_code, await open_calls(service)) == (503, 1)
        async with service.parts.database.reader() as session:
            adopted = await Calls(session).open_call_in_room("lobby-1")
        assert adopted is not None
        async with await start_temporal(port=port) as temporal, worker(temporal.client):

            async def is_started() -> bool:
                return bool(await started_workflows(temporal.client, {adopted.call_id}))

            await eventually(is_started, 15)
            taken = await service.post("/web_call/get_token", BODY, headers=headers)
            assert taken.status_code == 200
            withdrawn = {call_id_for_key("default", "patience", 1)}
            assert await started_workflows(temporal.client, withdrawn) == set()


async def test_a_start_that_temporal_lost_sight_of_leaves_no_row(
    tmp_path: Path, database_url: str
) -> None:
    port = free_port()
    settings = settings_at(port, tmp_path, database_url)
    async with serve(settings) as service:
        async with await start_temporal(port=port) as temporal, worker(temporal.client):
            assert (await service.post("/web_call/get_token", BODY)).status_code == 200
            before = await open_calls(service)
        refused = await service.post("/web_call/get_token", BODY)
        assert refused.status_code == 503
        assert refused.elapsed.total_seconds() < 15
        assert await open_calls(service) == before
