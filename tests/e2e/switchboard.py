"""A running stack as its users see it: HTTP in front, Temporal and LiveKit behind."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx2
from livekit import api as livekit_api
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowHandle

from sandbox.caller import Caller
from sandbox.stack import Stack, StackDescription

SETTLED_RECORDINGS = ("not_requested", "ready", "needs_attention", "lost")


async def eventually(
    look: Callable[[], Awaitable[Any]], *, timeout: float, otherwise: Callable[[], str] | str
) -> Any:
    """Look until something true is seen. Raises AssertionError with a sentence."""
    deadline = time.monotonic() + timeout
    while not (seen := await look()):
        if time.monotonic() > deadline:
            raise AssertionError(otherwise if isinstance(otherwise, str) else otherwise())
        await asyncio.sleep(0.1)
    return seen


@dataclass(frozen=True, slots=True)
class SettledCall:
    """Everything that the API tells about a call when nothing more will happen to it."""

    call: dict[str, Any]
    timeline: list[dict[str, Any]]
    transcript: list[dict[str, Any]]
    recording: dict[str, Any]

    def said_by(self, speaker: str) -> list[str]:
        return [turn["text"] for turn in self.transcript if turn["speaker"] == speaker]

    def kinds(self) -> list[str]:
        return [entry["kind"] for entry in self.timeline]


class Switchboard:
    def __init__(
        self, stack: Stack, http: httpx2.AsyncClient, temporal: Client, livekit: Any
    ) -> None:
        self.stack = stack
        self.http = http
        self.temporal = temporal  # without the codec: payloads as they lie in the database
        self.livekit: livekit_api.LiveKitAPI = livekit
        self.callers: list[Caller] = []

    @property
    def description(self) -> StackDescription:
        return self.stack.description

    @classmethod
    @asynccontextmanager
    async def of(cls, stack: Stack) -> AsyncIterator[Switchboard]:
        here = stack.description
        headers = {"Authorization": f"Bearer {here.api_key}"}
        temporal = await Client.connect(here.temporal_address, namespace=here.temporal_namespace)
        async with (
            httpx2.AsyncClient(base_url=here.api_url, headers=headers, timeout=30) as http,
            livekit_api.LiveKitAPI(
                here.livekit_url, here.livekit_api_key, here.livekit_api_secret
            ) as livekit,
        ):
            yield cls(stack, http, temporal, livekit)

    async def get(self, path: str, **query: Any) -> Any:
        answer = await self.http.get(path, params=query)
        assert answer.status_code == 200, f"GET {path}: {answer.status_code} {answer.text}"
        return answer.json()

    async def make_assistant(self, **config: Any) -> str:
        """Its id. Says nothing of its own accord until its reprompt, unless given an opening."""
        answer = await self.http.post("/assistants", json={"name": "Test", **config})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    async def place_call(self, assistant_id: str = "demo", **body: Any) -> WebCall:
        body = {"assistant_id": assistant_id, **body}
        answer = await self.http.post("/web_call/get_token", json=body)
        assert answer.status_code == 200, answer.text
        return WebCall(self, answer.json())

    async def asked_of(self, vendor: str, since: float) -> list[dict[str, Any]]:
        """What a stand-in was asked since then (time.time)."""
        control = self.description.stand_ins[vendor].control_url
        async with httpx2.AsyncClient() as plain:
            log = (await plain.get(f"{control}/log")).json()["log"]
        return [entry for entry in log if entry["at"] >= since]

    async def hang_up_everybody(self) -> None:
        for caller in self.callers:
            await caller.leave()
        self.callers.clear()


class WebCall:
    """One web call from its token on."""

    def __init__(self, switchboard: Switchboard, accepted: dict[str, Any]) -> None:
        self.accepted = accepted
        self.id: str = accepted["call_id"]
        self.room: str = accepted["room_name"]
        self.placed_at = time.monotonic()
        self._switchboard = switchboard

    @property
    def workflow(self) -> WorkflowHandle[Any, Any]:
        return self._switchboard.temporal.get_workflow_handle(self.id)

    async def join(self, caller: Caller | None = None) -> Caller:
        """The caller leaves by itself at the end of the test."""
        caller = caller or Caller()
        self._switchboard.callers.append(caller)
        await caller.join(self.accepted["url"], self.accepted["token"])
        return caller

    async def read(self) -> dict[str, Any]:
        return await self._switchboard.get(f"/calls/{self.id}")

    async def timeline(self) -> list[dict[str, Any]]:
        return (await self._switchboard.get(f"/calls/{self.id}/timeline"))["items"]

    async def transcript(self) -> list[dict[str, Any]]:
        return (await self._switchboard.get(f"/calls/{self.id}/transcript"))["items"]

    async def turns(self, count: int, timeout: float = 15.0) -> list[dict[str, Any]]:
        """The transcript, once it has that many turns."""
        turns: list[dict[str, Any]] = []

        async def look() -> bool:
            turns[:] = await self.transcript()
            return len(turns) >= count

        await eventually(
            look, timeout=timeout, otherwise=lambda: f"{count} turns expected, not {turns}"
        )
        return turns

    async def recording(self) -> dict[str, Any]:
        return await self._switchboard.get(f"/calls/{self.id}/recording")

    async def hang_up(self, reason: str = "") -> httpx2.Response:
        return await self._switchboard.http.post(
            f"/calls/{self.id}/hangup", json={"reason": reason}
        )

    async def has_happened(self, kind: str, timeout: float = 20.0) -> dict[str, Any]:
        """The first entry of this kind in the timeline."""
        entries: list[dict[str, Any]] = []

        async def look() -> dict[str, Any] | None:
            entries[:] = await self.timeline()
            return next((entry for entry in entries if entry["kind"] == kind), None)

        found = await eventually(
            look, timeout=timeout, otherwise=lambda: f"no {kind} in {told(entries)}"
        )
        assert found is not None
        return found

    async def is_recorded(self, timeout: float = 20.0) -> None:
        """Egress writes its sound. Who hangs up before gets no file, although one was asked for."""
        running = livekit_api.ListEgressRequest(room_name=self.room, active=True)
        here = self._switchboard.description
        recorder = here.stand_ins["recorder"].control_url.removesuffix("/control")

        async def look() -> bool:
            answer = await asked.egress.list_egress(running)
            return livekit_api.EgressStatus.EGRESS_ACTIVE in [one.status for one in answer.items]

        async with livekit_api.LiveKitAPI(
            recorder, here.livekit_api_key, here.livekit_api_secret
        ) as asked:
            await eventually(look, timeout=timeout, otherwise=f"no active egress in {self.room}")

    async def room_is_gone(self) -> bool:
        rooms = await self._switchboard.livekit.room.list_rooms(
            livekit_api.ListRoomsRequest(names=[self.room])
        )
        return not rooms.rooms

    async def settled(self, timeout: float = 45.0) -> SettledCall:
        """Ended, its recording final, its bill written and its workflow closed."""
        state = ""

        async def look() -> bool:
            nonlocal state
            call = await self.read()
            described = await self.workflow.describe()
            state = f"{call['status']}, {call['recording']}, cost {call['cost']}, workflow "
            state += described.status.name if described.status else "unknown"
            return (
                call["status"] == "ended"
                and call["recording"]["status"] in SETTLED_RECORDINGS
                and call["cost"] is not None
                and described.status is not WorkflowExecutionStatus.RUNNING
            )

        await eventually(
            look, timeout=timeout, otherwise=lambda: f"call {self.id} never settled: {state}"
        )
        return SettledCall(
            call=await self.read(),
            timeline=await self.timeline(),
            transcript=await self.transcript(),
            recording=await self.recording(),
        )


def told(timeline: list[dict[str, Any]]) -> str:
    return "\n".join(
        f"{e['seq']} {e['at']} {e['actor']} {e['kind']}: {e['text']}" for e in timeline
    )
