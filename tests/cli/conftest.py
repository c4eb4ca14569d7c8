"""The real API over a real socket; Temporal, LiveKit and object store are away."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from api.server import server_of
from tests.api.service import KEY, Service, free_port, settings_for
from tests.cli import running
from tests.cli.running import Ran


@dataclass(frozen=True)
class Installation:
    """`run` runs the command line against it."""

    service: Service
    url: str
    environment: dict[str, str]

    async def run(self, *arguments: str, stdin: str = "", **environment: str) -> Ran:
        return await running.run(
            *arguments, stdin=stdin, environment=self.environment | environment
        )


@pytest.fixture
async def installation(tmp_path: Path) -> AsyncIterator[Installation]:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    settings = settings_for(
        tmp_path,
        api_port=port,
        public_api_url=url,
        start_timeout_seconds=0.2,
        payload_keys="test:" + base64.b64encode(bytes(32)).decode(),  # for trunks' passwords
    )
    server = server_of(settings)
    serving = asyncio.create_task(server.serve())
    while not server.started:
        assert not serving.done(), serving.exception()
        await asyncio.sleep(0.01)
    headers = {"Authorization": f"Bearer {KEY}"}
    async with httpx2.AsyncClient(base_url=url, headers=headers) as client:
        app: Any = server.config.app
        environment = {
            "SWITCHBOARD_API_URL": url,
            "SWITCHBOARD_API_KEY": KEY,
            "SWITCHBOARD_PATIENCE": "0",
        }
        yield Installation(Service(app, client), url, environment)
    server.should_exit = True
    await serving


Switchboard = Callable[..., Awaitable[Ran]]


@pytest.fixture
def switchboard(installation: Installation) -> Switchboard:
    return installation.run
