"""What a stack has from its first moment: lines to the sandbox's phone, a realtime assistant."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import aiohttp
import pytest

from sandbox.stack import Stack

pytestmark = pytest.mark.stack

PARTS = ["temporal", "livekit", "s3", "api", "worker", "carrier", "bridge"]


def api(stack: Stack) -> aiohttp.ClientSession:
    key = {"Authorization": f"Bearer {stack.description.api_key}"}
    return aiohttp.ClientSession(stack.description.api_url, headers=key)


async def trunk(stack: Stack, name: str = "sandbox") -> dict[str, Any]:
    async with api(stack) as http, http.get(f"/trunks/{name}") as answer:
        assert answer.status == 200
        found: dict[str, Any] = await answer.json()
        return found


async def test_a_stack_has_a_line_to_its_phone_and_leaves_its_users_limits(tmp_path: Path) -> None:
    async with Stack(tmp_path, free_ports=True, only=PARTS) as stack:
        described = stack.description
        laid = await trunk(stack)
        assert f"{laid['host']}:{laid['port']}" == described.carrier_address
        assert (laid["kind"], laid["transport"], laid["enabled"]) == ("bridge", "tcp", True)
        by_sip = await trunk(stack, "sandbox-livekit-sip")
        assert (by_sip["kind"], by_sip["port"]) == ("livekit_sip", laid["port"])
        async with aiohttp.ClientSession() as http:
            async with http.get(f"{described.stand_ins['carrier'].control_url}/calls") as answer:
                assert await answer.json() == {"calls": []}
            async with http.get(described.metrics_urls["bridge"]) as answer:
                assert answer.status == 200
        async with api(stack) as http:
            limit = {"max_concurrent_calls": 1}
            async with http.patch("/trunks/sandbox", json=limit) as answer:
                assert answer.status == 200
        async with api(stack) as http, http.get("/assistants/demo-realtime") as answer:
            assert (await answer.json())["mode"] == "realtime"
        async with api(stack) as http, http.get("/assistants/demo-transcribed") as answer:
            assert (await answer.json())["transcribe"] is True
    async with Stack(tmp_path, free_ports=True, only=PARTS) as again:
        laid = await trunk(again)
        assert f"{laid['host']}:{laid['port']}" == again.description.carrier_address
        assert laid["max_concurrent_calls"] == 1
