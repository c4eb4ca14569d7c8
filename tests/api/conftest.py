from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from temporalio.testing import WorkflowEnvironment

from api.settings import ApiSettings
from tests.api.service import Service, serve, settings_for
from tests.api.temporal import TemporalServers
from tests.conftest import DATABASES
from tests.postgres import PostgresServer


@pytest.fixture
async def service(tmp_path: Path, database_url: str) -> AsyncIterator[Service]:
    """Without Temporal, LiveKit and object store."""
    async with serve(settings_for(tmp_path, database_url=database_url)) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=DATABASES)
async def shared_settings(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[ApiSettings]:
    """With one database for all tests of a module, which do not get in each other's way."""
    folder = tmp_path_factory.mktemp("shared")
    keys = "test:" + "A" * 43 + "="  # for the secrets of webhooks
    if request.param == "sqlite":
        yield settings_for(folder, payload_keys=keys)
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    url = await server.migrated_database()
    yield settings_for(folder, database_url=url, payload_keys=keys)
    await server.drop(url)


@pytest.fixture(scope="session")
def temporal_servers() -> Iterator[TemporalServers]:
    servers = TemporalServers()
    yield servers
    asyncio.run(servers.aclose())


@pytest.fixture
async def temporal(temporal_servers: TemporalServers) -> WorkflowEnvironment:
    """A namespace in which nothing ever happened, as in a server of the test's own."""
    return await temporal_servers.unused()
