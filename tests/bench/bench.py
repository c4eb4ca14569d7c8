"""What every figure works with: a running stack, ways to place calls on it, and patience."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import httpx2
from temporalio.client import Client

from engine.client import connect
from engine.settings import EngineSettings
from sandbox.caller import Caller
from sandbox.caller.hearing import NotHeard
from sandbox.stack import Stack
from sandbox.stack.keys import Keys
from tests.bench.processes import trees

ASSISTANT = "demo"
GREETING_LIMIT = 20.0
ANSWER_LIMIT = 15.0
_CALM = 0.2  # of one core, for all of Atlas and Media Bot together
_LOOK = 0.5
_SETTLE_LIMIT = 30.0
_END_LIMIT = 30.0
_WARM_UP_TRIES = 3

# What makes a try a failed try instead of ending the bench.
FAILURES = (NotHeard, TimeoutError, RuntimeError, OSError, httpx2.HTTPError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A call whose get_token was answered. Times are time.monotonic()."""

    call_id: str
    url: str
    token: str
    asked_at: float
    answered_at: float


@dataclass(slots=True)
class Bench:
    stack: Stack
    http: httpx2.AsyncClient
    temporal: Client
    scale: float
    tell: Callable[[str], None]
    idle_processes: dict[str, int] = field(default_factory=dict)
    unsettled: int = 0
    failed_warm_ups: int = 0

    def count(self, full: int, *, least: int = 1) -> int:
        return max(least, round(full * self.scale))

    async def open_call(self, *, record: bool = False) -> Opened:
        """Raises httpx2.HTTPError, also for an answer that is no 2xx."""
        asked_at = time.monotonic()
        response = await self.http.post(
            "/web_call/get_token", json={"assistant_id": ASSISTANT, "record": record}
        )
        answered_at = time.monotonic()
        response.raise_for_status()
        told = response.json()
        return Opened(
            call_id=told["call_id"],
            url=told["url"],
            token=told["token"],
            asked_at=asked_at,
            answered_at=answered_at,
        )

    @asynccontextmanager
    async def joined(self, opened: Opened) -> AsyncIterator[Caller]:
        """A caller in the room. On the way out it leaves, and the call is seen to end."""
        caller = Caller()
        try:
            await caller.join(opened.url, opened.token)
            yield caller
        finally:
            await caller.leave()
            await self.ended(opened.call_id)

    async def hang_up(self, call_id: str) -> None:
        response = await self.http.post(f"/calls/{call_id}/hangup", json={"reason": "bench"})
        response.raise_for_status()

    async def ended(self, call_id: str) -> dict[str, Any]:
        """The call's record once its bill is settled. Raises TimeoutError."""
        async with asyncio.timeout(_END_LIMIT):
            while True:
                call: dict[str, Any] = (await self.http.get(f"/calls/{call_id}")).json()
                if call.get("status") == "ended" and call.get("cost"):
                    return call
                await asyncio.sleep(0.2)

    async def settle(self) -> None:
        """Until the agents' idle processes are there again and nothing of theirs works.

        Gives up after half a minute, which the report tells.
        """
        deadline = time.monotonic() + _SETTLE_LIMIT
        while time.monotonic() < deadline:
            before = self._agents()
            await asyncio.sleep(_LOOK)
            after = self._agents()
            busy = sum(cpu for _, cpu in after.values()) - sum(cpu for _, cpu in before.values())
            refilled = all(after[name][0] >= number for name, number in self.idle_processes.items())
            if refilled and busy / _LOOK < _CALM:
                return
        self.unsettled += 1

    async def warm_up(self) -> None:
        """A call, thrown away: first uses of connections, caches and imports. Then the norm."""
        for tries_left in reversed(range(_WARM_UP_TRIES)):
            await self.settle()
            try:
                async with self.joined(await self.open_call(record=True)) as caller:
                    await caller.heard.wait_until_heard(timeout=GREETING_LIMIT)
                break
            except FAILURES:
                if not tries_left:
                    raise
                self.failed_warm_ups += 1
        await self.settle()
        self.idle_processes = {name: number for name, (number, _) in self._agents().items()}

    def _agents(self) -> dict[str, tuple[int, float]]:
        """Processes and CPU seconds of each agent server's tree."""
        found = trees(self.stack.pids, ("atlas", "media-bot"))
        return {name: (len(tree.pids), tree.cpu_seconds) for name, tree in found.items()}

    async def forget_logs(self) -> None:
        for vendor in ("deepgram", "groq", "elevenlabs"):
            await self.http.delete(f"{self._control(vendor)}/log")

    async def log_of(self, vendor: str) -> list[dict[str, Any]]:
        answer = (await self.http.get(f"{self._control(vendor)}/log")).json()
        entries: list[dict[str, Any]] = answer["log"]
        return entries

    async def misbehave(self, vendor: str, fault: dict[str, Any]) -> None:
        """A stand-in does this wrong from now on."""
        answer = await self.http.post(f"{self._control(vendor)}/fault", json=fault)
        answer.raise_for_status()

    async def forgive(self, vendor: str) -> None:
        await self.http.delete(f"{self._control(vendor)}/fault")

    def _control(self, vendor: str) -> str:
        return self.stack.description.stand_ins[vendor].control_url

    def log_lines(self, part: str) -> list[dict[str, Any]]:
        """What a part logged in JSON so far."""
        lines = []
        file = self.stack.run_dir / "logs" / f"{part}.log"
        for line in file.read_text(errors="replace").splitlines():
            with suppress(ValueError):
                read = json.loads(line)
                if isinstance(read, dict):
                    lines.append(read)
        return lines


def wall(monotonic: float) -> float:
    """time.time() of a moment given as time.monotonic(): servers log the former."""
    return monotonic + time.time() - time.monotonic()


async def temporal_of(stack: Stack) -> Client:
    keys = Keys.load_or_make(stack.run_dir / "keys.json")
    return await connect(
        EngineSettings(
            temporal_address=stack.description.temporal_address, payload_keys=keys.payload_keys
        )
    )
