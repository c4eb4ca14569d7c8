"""The hall (`sandbox/hall`) in LiveKit's place, as a process beside a stack without LiveKit."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from typing import Any, Self

import httpx2

from sandbox.stack import Stack
from sandbox.stack.site import CHECKOUT

_START_LIMIT = 20.0


class HallDidNotStart(RuntimeError):
    pass


class Hall:
    """At the address, and with the keys, that the stack's parts know as LiveKit's."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._url = stack.description.livekit_url.replace("ws", "http", 1)
        self._process: asyncio.subprocess.Process | None = None
        self._http = httpx2.AsyncClient(base_url=self._url, timeout=10)

    async def __aenter__(self) -> Self:
        told = self._stack.description
        settings = {
            "PATH": os.environ.get("PATH", ""),
            "PYTHONPATH": str(CHECKOUT),
            "LIVEKIT_URL": told.livekit_url,
            "HALL_WEBHOOK_URL": f"{told.api_url}/livekit/webhook",
            "LIVEKIT_API_KEY": told.livekit_api_key,
            "LIVEKIT_API_SECRET": told.livekit_api_secret,
        }
        log = self._stack.run_dir / "logs" / "hall.log"
        log.parent.mkdir(exist_ok=True)
        with log.open("ab") as out:
            self._process = await asyncio.create_subprocess_exec(
                *("setpriv", "--pdeathsig", "KILL", "--", sys.executable, "-m", "sandbox.hall"),
                cwd=CHECKOUT,
                env=settings,
                stdout=out,
                stderr=out,
            )
        deadline = time.monotonic() + _START_LIMIT
        while not await self._answers():
            if self._process.returncode is not None or time.monotonic() > deadline:
                raise HallDidNotStart(log.read_text(errors="replace")[-300:])
            await asyncio.sleep(0.05)
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._http.aclose()
        if self._process is not None and self._process.returncode is None:
            self._process.terminate()
            await self._process.wait()

    @property
    def pids(self) -> list[int]:
        return [self._process.pid] if self._process else []

    async def join(self, room: str, identity: str, *, publishes: bool = True) -> dict[str, Any]:
        """`{sid, joined_at_ms}`."""
        told = {"room": room, "identity": identity, "publishes": publishes}
        return await self._control("join", told)

    async def leave(self, room: str, identity: str) -> None:
        await self._control("leave", {"room": room, "identity": identity})

    async def asked(self) -> dict[str, int]:
        """How often each of LiveKit's methods was asked for so far."""
        answer = (await self._http.get("/control/requests")).json()
        counted: dict[str, int] = answer["asked"]
        return counted

    async def _control(self, what: str, told: dict[str, Any]) -> dict[str, Any]:
        response = await self._http.post(f"/control/{what}", json=told)
        response.raise_for_status()
        answer: dict[str, Any] = response.json()
        return answer

    async def _answers(self) -> bool:
        try:
            return (await self._http.get("/")).status_code == 200
        except httpx2.HTTPError:
            return False
