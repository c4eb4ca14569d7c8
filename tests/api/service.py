"""The API in this process, called over real ASGI; each test has its own database."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
from fastapi import FastAPI

from api.app import build_app
from api.parts import Parts
from api.settings import ApiSettings
from contract.call_token import make_call_token
from contract.calls import Direction, Provider
from store.calls import Calls, NewCall

KEY = "test-key-of-the-default-tenant"
CALL_TOKEN_SECRET = "call-token-secret"


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def settings_for(folder: Path, **changes: Any) -> ApiSettings:
    """Every server is away unless a test names one."""
    nobody = f"127.0.0.1:{free_port()}"
    usual: dict[str, Any] = {
        "temporal_address": nobody,
        "temporal_ui_url": "http://temporal-ui.test",
        "payload_encryption": False,
        "livekit_url": f"ws://{nobody}",
        "livekit_public_url": "ws://livekit.test",
        "livekit_api_key": "devkey",
        "livekit_api_secret": "a secret of at least thirty-two bytes",
        "database_url": f"sqlite+aiosqlite:///{folder}/api.db",
        "call_token_secret": CALL_TOKEN_SECRET,
        "bootstrap_api_key": KEY,
        "adopt_rooms": "lobby-",
        "s3_endpoint": f"http://{nobody}",
        "s3_bucket": "recordings",
        "s3_access_key_id": "id",
        "s3_secret_access_key": "secret",
        "public_api_url": "http://api.test",
        "rate_limit_requests": 1_000_000,
        "address_rate_limit_requests": 1_000_000,
    }
    return ApiSettings(**(usual | changes))


@dataclass(frozen=True)
class Service:
    app: FastAPI
    client: httpx2.AsyncClient

    @property
    def parts(self) -> Parts:
        parts: Parts = self.app.state.parts
        return parts

    async def get(self, path: str, **options: Any) -> httpx2.Response:
        return await self.client.get(path, **options)

    async def post(self, path: str, json: object = None, **options: Any) -> httpx2.Response:
        return await self.client.post(path, json=json, **options)

    async def given_call(self, call_id: str, **changes: Any) -> None:
        from datetime import UTC, datetime

        usual: dict[str, Any] = {
            "call_id": call_id,
            "tenant_id": "default",
            "direction": Direction.WEB,
            "provider": Provider.WEB,
            "room_name": call_id,
            "assistant_id": "demo",
            "started_at": datetime.now(UTC),
        }
        async with self.parts.database.session() as session:
            await Calls(session).insert(NewCall(**(usual | changes)))


def call_token(call_id: str) -> dict[str, str]:
    token = make_call_token(CALL_TOKEN_SECRET, call_id)
    return {"Authorization": f"Bearer {token}"}


@asynccontextmanager
async def serve(settings: ApiSettings) -> AsyncIterator[Service]:
    app = build_app(settings)
    transport = httpx2.ASGITransport(app, raise_app_exceptions=False)
    headers = {"Authorization": f"Bearer {KEY}"}
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(
            transport=transport, base_url="http://api.test", headers=headers, timeout=15
        ) as client,
    ):
        yield Service(app, client)
