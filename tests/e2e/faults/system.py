"""A stack under test with everything that a scenario needs to use it, hurt it and look at it."""

from __future__ import annotations

import secrets
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Self

import httpx2
from livekit import api
from temporalio.client import Client

from engine.client import connect
from engine.settings import EngineSettings
from sandbox.caller import Caller
from sandbox.stack import Stack
from sandbox.stack.keys import Keys
from sandbox.stack.parts import Part
from tests.e2e.faults.waiting import eventually
from tests.e2e.faults.wire import WebhookWire

# What must be found nowhere in clear but in the store (invariant I8).
CANARY_NAME = "Wilhelmina Quackenbush"
CANARY_SENTENCE = "I would like to book a table for four on Friday evening."
QUESTION = "What are your opening hours?"


class System:
    """One stack. `may_exist`: the call ids that a 2xx answer, or the scenario, accounts for."""

    def __init__(self, **stack: Any) -> None:
        self._stack_options = stack
        self._open = AsyncExitStack()
        self.may_exist: set[str] = set()
        self.callers: list[Caller] = []

    async def __aenter__(self) -> Self:
        try:
            await self._start()
        except BaseException:
            await self._open.aclose()
            raise
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._open.aclose()

    async def _start(self) -> None:
        self.wire = await self._open.enter_async_context(WebhookWire())
        self.stack = Stack(free_ports=True, webhook_url=self.wire.url, **self._stack_options)
        self.wire.api_url = self.stack.description.api_url
        await self._open.enter_async_context(self.stack)
        here = self.stack.description
        self.http = await self._open.enter_async_context(
            httpx2.AsyncClient(
                base_url=here.api_url,
                headers={"Authorization": f"Bearer {here.api_key}"},
                timeout=30,
            )
        )
        self.livekit = await self._open.enter_async_context(
            api.LiveKitAPI(here.livekit_url, here.livekit_api_key, here.livekit_api_secret)
        )
        keys = Keys.load_or_make(self.stack.run_dir / "keys.json")
        self.temporal: Client = await connect(
            EngineSettings(
                temporal_address=here.temporal_address,
                temporal_namespace=here.temporal_namespace,
                payload_keys=keys.payload_keys,
            )
        )

        # An agent server that had to register in a hurry has nobody to send yet.
        await eventually(self._atlas_is_warm, 60, "Atlas has no process for a call")

    async def _atlas_is_warm(self) -> bool:
        log = (self.stack.run_dir / "logs" / "atlas.log").read_text()
        return log.rpartition("starting worker")[2].count("process initialized") > 0

    async def mend(self) -> None:
        """Nobody is left on the line, and whatever a scenario killed runs again."""
        for caller in self.callers:
            await caller.leave()
        self.callers.clear()
        for part in Part:
            if not self.stack.is_running(part):
                await self.stack.start_process(part)
                if part is Part.ATLAS:
                    await eventually(self._atlas_is_warm, 60, "Atlas has no process for a call")

    def settings_of(self, part: str) -> dict[str, str]:
        """The environment of a part that runs: with it another process is the stack's too."""
        raw = Path(f"/proc/{self.stack.pids(part)[0]}/environ").read_bytes().split(b"\0")
        return dict(item.decode().split("=", 1) for item in raw if item)

    async def order_fault(self, stand_in: str, **fault: Any) -> None:
        url = self.stack.description.stand_ins[stand_in].control_url
        answer = await self.http.post(f"{url}/fault", json=fault)
        assert answer.is_success, answer.text

    async def log_of(self, stand_in: str) -> list[dict[str, Any]]:
        url = self.stack.description.stand_ins[stand_in].control_url
        told = (await self.http.get(f"{url}/log")).json()
        entries: list[dict[str, Any]] = told["log"] if isinstance(told, dict) else told
        return entries

    # --- Using it --------------------------------------------------------------------------------

    async def ask_for_call(self, *, key: str | None = None, **body: Any) -> httpx2.Response:
        """POST as a client would. A 2xx is a promise, so its call is written down."""
        headers = {"Idempotency-Key": key} if key else {}
        wanted = {"assistant_id": "demo", "participant_name": CANARY_NAME} | body
        answer = await self.http.post("/web_call/get_token", json=wanted, headers=headers)
        if answer.is_success:
            self.may_exist.add(answer.json()["call_id"])
        return answer

    async def place_call(self, *, record: bool = True, **body: Any) -> PlacedCall:
        answer = await self.ask_for_call(record=record, **body)
        assert answer.status_code == 200, answer.text
        told = answer.json()
        return self.call_of(told["call_id"], told["room_name"], told["token"])

    def call_of(self, call_id: str, room: str, token: str) -> PlacedCall:
        call = PlacedCall(self, call_id, room, self.stack.description.livekit_url, token)
        self.callers.append(call.caller)
        return call

    def room_token(self, room: str, identity: str) -> str:
        """A token that no API call gave out, as another application or a SIP gateway mints it."""
        here = self.stack.description
        return (
            api.AccessToken(here.livekit_api_key, here.livekit_api_secret)
            .with_identity(identity)
            .with_name(CANARY_NAME)
            .with_grants(api.VideoGrants(room_join=True, room=room))
            .to_jwt()
        )

    # --- Looking at it ---------------------------------------------------------------------------

    async def call(self, call_id: str) -> dict[str, Any]:
        answer = await self.http.get(f"/calls/{call_id}")
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        return told

    async def rows(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = []
        query: dict[str, str] = {"limit": "200"}
        while True:
            page = (await self.http.get("/calls", params=query)).json()
            rows += page["items"]
            if not page["next_cursor"]:
                return rows
            query["cursor"] = page["next_cursor"]

    async def timeline(self, call_id: str) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = (await self.http.get(f"/calls/{call_id}/timeline")).json()[
            "items"
        ]
        return items

    async def rooms(self) -> set[str]:
        return {room.name for room in (await self.livekit.room.list_rooms(_ALL_ROOMS)).rooms}

    async def identities(self, room: str) -> list[str]:
        """Without the recorder, which comes when it likes."""
        wanted = api.ListParticipantsRequest(room=room)
        found = await self.livekit.room.list_participants(wanted)
        recorder = api.ParticipantInfo.Kind.EGRESS
        return sorted(one.identity for one in found.participants if one.kind != recorder)

    async def call_workflows(self) -> list[str]:
        """The id of every run that there ever was, so a call that ran twice is in it twice."""
        found = self.temporal.list_workflows("WorkflowType = 'CallWorkflow'")
        return [workflow.id async for workflow in found]

    async def everything(self) -> tuple[set[str], list[str], list[str]]:
        """Rooms, workflows and rows: to be the same after a request that was refused."""
        rows = [row["call_id"] for row in await self.rows()]
        return await self.rooms(), sorted(await self.call_workflows()), sorted(rows)

    async def ignored_events(self) -> float:
        """How many webhooks were counted as not ours."""
        text = (await self.http.get("/metrics")).text
        lines = (
            line
            for line in text.splitlines()
            if line.startswith("livekit_webhooks_total{") and 'outcome="ignored"' in line
        )
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines)


_ALL_ROOMS = api.ListRoomsRequest()


class PlacedCall:
    """One call as its caller knows it: the oracle for what the record must say."""

    def __init__(self, system: System, call_id: str, room: str, url: str, token: str) -> None:
        self.system = system
        self.id = call_id
        self.room = room
        self.caller = Caller()
        self.joined_at = self.left_at = 0.0
        self._url, self._token = url, token

    async def join(self) -> Caller:
        await self.caller.join(self._url, self._token)
        self.joined_at = time.monotonic()
        return self.caller

    async def leave(self) -> None:
        self.left_at = time.monotonic()
        await self.caller.leave()

    @property
    def talked(self) -> float | None:
        return self.left_at - self.joined_at if self.joined_at and self.left_at else None

    async def greeted(self) -> float:
        """Returns when the greeting began, once it is over."""
        first = await self.caller.heard.wait_until_heard(0.3, timeout=20)
        await self.caller.heard.wait_for_quiet()
        return first

    async def ask(self, question: str = QUESTION) -> float:
        """Returns when the answer began; raises NotHeard when there is none."""
        spoken = await self.caller.say(question)
        return await self.caller.heard.wait_until_heard(0.3, since=spoken.ended_at, timeout=15)

    async def row(self) -> dict[str, Any]:
        return await self.system.call(self.id)

    async def is_ended(self, patience: float = 30.0) -> dict[str, Any]:
        async def look() -> dict[str, Any] | None:
            row = await self.row()
            return row if row["status"] == "ended" else None

        return await eventually(look, patience, f"{self.id} has not ended")

    async def here(self, identity: str, patience: float = 15.0) -> None:
        async def look() -> bool:
            return identity in await self.system.identities(self.room)

        await eventually(look, patience, f"{identity} did not come to {self.id}")

    async def hang_up(self) -> httpx2.Response:
        return await self.system.http.post(f"/calls/{self.id}/hangup")


def fresh_key() -> str:
    return secrets.token_hex(8)
