"""The phone behind the carrier, in somebody's hand: each step is done when the call returns."""

from __future__ import annotations

import asyncio
import time
from typing import Any, Self

import aiohttp

_LOOK = 0.1
_STEP_LIMIT = 60.0  # seconds


class NoPhoneCall(RuntimeError):
    """The phone did not ring, or its call is over. The message says what."""


class Phone:
    def __init__(self, control_url: str, number: str) -> None:
        self._http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_STEP_LIMIT))
        self._control = control_url
        self.number = number
        self._call = ""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self._http.close()

    async def wait_until_answered(self, timeout: float) -> dict[str, Any]:
        """The carrier's record of the call."""
        return await self._wait_until("answered", timeout)

    async def wait_until_over(self, timeout: float) -> dict[str, Any]:
        return await self._wait_until("ended_at", timeout)

    async def do(self, **step: object) -> None:
        """As in the carrier's scenarios (docs/sandbox_carrier.md): `do(say="Hello.")`."""
        url = f"{self._control}/calls/{self._call}/step"
        async with self._http.post(url, json=step) as answer:
            if answer.status != 200:
                said = await answer.text()
                raise NoPhoneCall(f"The phone could not {', '.join(step)}: {said}")

    async def invites(self) -> list[dict[str, Any]]:
        """That began a call to this number, as the carrier saw them."""
        found = (await self._get("/invites"))["invites"]
        return [invite for invite in found if invite["first"]]

    async def heard(self) -> bytes:
        """A WAV file; empty where nothing was heard. Once the call is over."""
        async with self._http.get(f"{self._control}/calls/{self._call}/heard.wav") as answer:
            return await answer.read() if answer.status == 200 else b""

    async def _wait_until(self, fact: str, timeout: float) -> dict[str, Any]:
        deadline = time.monotonic() + timeout
        while True:
            for record in reversed((await self._get("/calls"))["calls"]):
                self._call = record["id"]
                if record[fact]:
                    return dict(record)
                break
            if time.monotonic() > deadline:
                raise NoPhoneCall(f"The phone's call had no {fact!r} within {timeout:.0f} s.")
            await asyncio.sleep(_LOOK)

    async def _get(self, path: str) -> dict[str, Any]:
        async with self._http.get(self._control + path, params={"to": self.number}) as answer:
            found: dict[str, Any] = await answer.json()
            return found
