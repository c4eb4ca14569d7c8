from __future__ import annotations

import aiohttp
import pytest

from agents.compass import AssistantUnavailable, fetch_assistant
from contract.assistants import Assistant, EndCallTool, HttpTool, ToolOptions
from tests.agents.compass_double import CompassDouble

DEMO = Assistant(
    id="demo",
    name="Demo",
    tools=ToolOptions(
        end_call=EndCallTool(farewell="Bye."),
        http=(HttpTool(name="a", description="b", url="http://c", parameters={"type": "object"}),),
    ),
)


async def test_an_assistant_comes_as_it_was_configured() -> None:
    async with CompassDouble("t", DEMO) as api, aiohttp.ClientSession() as http:
        assert await fetch_assistant(http, api.url + "/", "demo", "t") == DEMO


@pytest.mark.parametrize(("agent", "token", "says"), [("nobody", "t", "404"), ("demo", "x", "401")])
async def test_a_refusal_is_told_with_its_status(agent: str, token: str, says: str) -> None:
    async with CompassDouble("t", DEMO) as api, aiohttp.ClientSession() as http:
        with pytest.raises(AssistantUnavailable, match=says):
            await fetch_assistant(http, api.url, agent, token)


async def test_an_unreachable_compass_is_told() -> None:
    async with aiohttp.ClientSession() as http:
        with pytest.raises(AssistantUnavailable, match="could not be reached"):
            await fetch_assistant(http, "http://127.0.0.1:9", "demo", "t")
