"""Compass: where an assistant's configuration comes from."""

from __future__ import annotations

import asyncio
from urllib.parse import quote

import aiohttp
from pydantic import TypeAdapter, ValidationError

from contract.assistants import Assistant

_ASSISTANT = TypeAdapter(Assistant)
_TIMEOUT = aiohttp.ClientTimeout(total=2.0)
_ATTEMPTS = 3
_PAUSE = 0.2


class AssistantUnavailable(Exception):
    """Why there is no configuration; the text names no person and no secret."""


async def fetch_assistant(
    session: aiohttp.ClientSession, compass_url: str, agent_id: str, call_token: str
) -> Assistant:
    """Raises AssistantUnavailable: at once when Compass refuses, after three tries otherwise."""
    url = f"{compass_url.rstrip('/')}/assistants/{quote(agent_id, safe='')}"
    headers = {"Authorization": f"Bearer {call_token}"}
    trouble = ""
    for attempt in range(_ATTEMPTS):
        await asyncio.sleep(attempt * _PAUSE)
        try:
            async with session.get(url, headers=headers, timeout=_TIMEOUT) as answer:
                if answer.status == 200:
                    return _read(await answer.read())
                trouble = f"Compass answered {answer.status}"
                if answer.status < 500 and answer.status != 429:
                    break
        except (aiohttp.ClientError, TimeoutError) as failed:
            trouble = f"Compass could not be reached ({type(failed).__name__})"
    raise AssistantUnavailable(f"{trouble} for assistant {agent_id!r}.")


def _read(body: bytes) -> Assistant:
    try:
        return _ASSISTANT.validate_json(body)
    except ValidationError as wrong:
        first = wrong.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise AssistantUnavailable(
            f"The assistant is malformed at {where!r}: {first['msg']}."
        ) from None
