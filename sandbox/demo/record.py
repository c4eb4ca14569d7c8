"""Asking the API about one call, as any client would."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, Self

import aiohttp

_SETTLED_LIMIT = 60.0
_UNSETTLED_RECORDINGS = ("pending", "recording", "finalising")


@dataclass(frozen=True, slots=True)
class Record:
    """Everything the API knows about an ended call."""

    call: dict[str, Any]
    transcript: list[dict[str, Any]]
    recording: dict[str, Any]
    audio: bytes  # the recording as downloaded; empty if there is none
    timeline: list[dict[str, Any]] = field(default_factory=list)


class ApiClient:
    def __init__(self, api_url: str, api_key: str) -> None:
        self._http = aiohttp.ClientSession(
            api_url,
            headers={"Authorization": f"Bearer {api_key}"},
            timeout=aiohttp.ClientTimeout(total=30),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self._http.close()

    async def opening_of(self, assistant_id: str) -> str:
        """What this assistant says first."""
        assistant = await self._get(f"/assistants/{assistant_id}")
        return str(assistant["opening"]["text"])

    async def place_call(self, assistant_id: str) -> dict[str, Any]:
        body = {"assistant_id": assistant_id, "participant_name": "Demo caller", "record": True}
        async with self._http.post("/web_call/get_token", json=body) as answer:
            return await _json(answer)

    async def place_phone_call(self, assistant_id: str, trunk_id: str, number: str) -> str:
        """The call's id."""
        body = {
            "assistant_id": assistant_id,
            "trunk_id": trunk_id,
            "to_number": number,
            "record": True,
        }
        async with self._http.post("/call/outbound", json=body) as answer:
            return str((await _json(answer))["call_id"])

    async def hold(self, call_id: str, *, held: bool) -> None:
        """As an operator, or end the operator's hold."""
        command = "hold" if held else "resume"
        async with self._http.post(f"/calls/{call_id}/{command}", json={}) as answer:
            await _json(answer)

    async def follow(self, call_id: str) -> AsyncIterator[dict[str, Any]]:
        """The timeline as it grows (server-sent events), until the stream ends."""
        url = f"/calls/{call_id}/events"
        async with self._http.get(url, timeout=aiohttp.ClientTimeout(total=None)) as stream:
            async for line in stream.content:
                if line.startswith(b"data:"):
                    yield json.loads(line.removeprefix(b"data:"))

    async def settled(self, call_id: str) -> Record:
        """The record once the call has ended and its recording is settled, whichever way."""
        deadline = time.monotonic() + _SETTLED_LIMIT
        while True:
            call = await self._get(f"/calls/{call_id}")
            unsettled = call["recording"]["status"] in _UNSETTLED_RECORDINGS
            if (call["status"] == "ended" and not unsettled) or time.monotonic() > deadline:
                break
            await asyncio.sleep(0.5)
        recording = await self._get(f"/calls/{call_id}/recording")
        transcript = await self._get(f"/calls/{call_id}/transcript")
        timeline = await self._get(f"/calls/{call_id}/timeline")
        audio = await self._download(recording.get("url"))
        return Record(call, transcript["items"], recording, audio, timeline["items"])

    async def _get(self, path: str) -> dict[str, Any]:
        async with self._http.get(path) as answer:
            return await _json(answer)

    async def _download(self, url: str | None) -> bytes:
        if not url:
            return b""
        # A client of its own: a presigned link refuses a second authorization.
        async with aiohttp.ClientSession() as http, http.get(url) as answer:
            return await answer.read() if answer.status == 200 else b""


class ApiRefused(RuntimeError):
    """The API answered with a problem. The message is its sentence."""


async def _json(answer: aiohttp.ClientResponse) -> dict[str, Any]:
    if answer.status >= 400:
        raise ApiRefused(f"{answer.method} {answer.url.path}: {await answer.text()}")
    body: dict[str, Any] = await answer.json(content_type=None)
    return body
