"""The command line against a whole stack: a call's life, and the truth about what is broken."""

from __future__ import annotations

import asyncio
import json
import re
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
import pytest_asyncio
from livekit import api

from sandbox.caller import Caller
from sandbox.stack import Stack
from tests.cli import running
from tests.cli.running import Ran, finish, start

pytestmark = [pytest.mark.stack, pytest.mark.asyncio(loop_scope="module")]


@dataclass
class Running:
    stack: Stack

    @property
    def environment(self) -> dict[str, str]:
        return {"SWITCHBOARD_RUN_DIR": str(self.stack.run_dir)}

    async def run(self, *arguments: str, **environment: str) -> Ran:
        return await running.run(*arguments, limit=120, environment=self.environment | environment)

    async def findings(self, *arguments: str, **environment: str) -> dict[str, dict[str, Any]]:
        """By name, what doctor or smoke finds wrong."""
        ran = await self.run(*arguments, "--json", **environment)
        checks = ran.document["checks"]
        wrong = {check["name"]: check for check in checks if check["verdict"] != "ok"}
        assert ran.document["ok"] == (not wrong)
        assert (ran.code == 0) == (not wrong)
        return wrong

    async def mend(self) -> None:
        for part in ("livekit", "worker", "atlas"):
            if not self.stack.is_running(part):
                await self.stack.start_process(part)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running_stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    async with Stack(tmp_path_factory.mktemp("stack"), free_ports=True) as stack:
        yield Running(stack)


@pytest_asyncio.fixture(loop_scope="module")
async def installation(running_stack: Running) -> AsyncIterator[Running]:
    yield running_stack
    await running_stack.mend()


async def test_a_call_is_started_followed_and_hung_up(installation: Running) -> None:
    options = ("--no-record", "--metadata", "order=A-17", "--idempotency-key", "once")
    call = (await installation.run("calls", "start", "demo", *options, "--json")).document
    again = (await installation.run("calls", "start", "demo", *options, "--json")).document
    assert again["call_id"] == call["call_id"]

    watching = await start(
        "calls", "watch", call["call_id"], "--json", environment=installation.environment
    )
    caller = Caller()
    await caller.join(call["url"], call["token"])
    try:
        await caller.heard.wait_until_heard(0.3, timeout=40)
        hung_up = await installation.run("calls", "hangup", call["call_id"], "--reason", "enough")
        assert hung_up.code == 0, hung_up.err
        await asyncio.wait_for(caller.left.wait(), 15)
    finally:
        await caller.leave()
    watched = await finish(watching)
    assert watched.code == 0, watched.err
    *events, last = watched.lines
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert (last["call"]["ended_reason"], last["call"]["metadata"]) == (
        "operator_hung_up",
        {"order": "A-17"},
    )
    assert (await installation.run("calls", "hangup", call["call_id"])).code == 6
    shown = await installation.run("calls", "show", call["call_id"])
    assert "operator_hung_up" in shown.out


async def test_watching_outlives_a_restart_of_the_api(installation: Running) -> None:
    call = (await installation.run("calls", "start", "demo", "--json")).document
    watching = await start(
        "calls", "watch", call["call_id"], "--json", environment=installation.environment
    )
    assert watching.stdout is not None
    first = json.loads(await asyncio.wait_for(watching.stdout.readline(), 60))
    assert first["seq"] == 1
    await installation.stack.kill("api", signal.SIGKILL)
    await installation.stack.start_process("api")
    assert (await installation.run("calls", "hangup", call["call_id"])).code == 0
    watched = await finish(watching)
    assert watched.code == 0, watched.err
    *events, last = watched.lines
    assert [event["seq"] for event in events] == list(range(2, len(events) + 2))
    assert last["call"]["status"] == "ended"


@pytest.mark.real_time  # what is said in it is judged by its sound
async def test_a_real_call_goes_well_recording_and_all(
    installation: Running, tmp_path: Path
) -> None:
    made = await installation.run("smoke", "--record", "--json")
    assert made.code == 0, made.out
    names = {check["name"] for check in made.document["checks"]}
    assert {"Atlas joined", "Media Bot joined", "greeting heard", "question understood"} <= names
    assert {"answer heard", "recording", "bill", "timeline", "talk time"} <= names
    file = tmp_path / "call.ogg"
    call_id = made.document["call_id"]
    got = await installation.run("calls", "recording", call_id, "-o", str(file), "--json")
    assert got.code == 0, got.err
    assert file.read_bytes()[:4] == b"OggS"
    assert file.stat().st_size == got.document["size_bytes"]


@pytest.mark.real_time  # what is said in it is judged by its sound
async def test_a_deaf_assistant_does_not_pass(installation: Running) -> None:
    """Deepgram hangs: Atlas greets and understands nothing."""
    control = installation.stack.description.stand_ins["deepgram"].control_url
    async with httpx2.AsyncClient() as plain:
        ordered = await plain.post(f"{control}/fault", json={"kind": "hang"})
        assert ordered.is_success, ordered.text
        try:
            made = await installation.run("smoke", "--json")
        finally:
            await plain.delete(f"{control}/fault")
    assert made.code == 1
    assert made.document["failed"] == ["question understood"]
    assert await is_over(installation, made.document["call_id"])


@pytest.mark.real_time  # what is said in it is judged by its sound
async def test_an_assistant_that_only_fills_time_does_not_pass(
    installation: Running, tmp_path: Path
) -> None:
    """Groq hangs: Atlas says that it needs a moment, and has no answer."""
    shown = (await installation.run("assistants", "show", "demo", "--json")).document
    filling = shown | {"id": "filling", "fillers": {"enabled": True, "delay": 0.5}}
    file = tmp_path / "assistant.json"
    file.write_text(json.dumps(filling))
    created = await installation.run("assistants", "create", str(file), "--json")
    assert created.code == 0, created.err
    control = installation.stack.description.stand_ins["groq"].control_url
    async with httpx2.AsyncClient() as plain:
        ordered = await plain.post(f"{control}/fault", json={"kind": "hang"})
        assert ordered.is_success, ordered.text
        try:
            made = await installation.run("smoke", "filling", "--json")
        finally:
            await plain.delete(f"{control}/fault")
            await installation.run("assistants", "delete", "filling", "--yes", "--json")
    assert made.code == 1
    names = [check["name"] for check in made.document["checks"]]
    assert "answer heard" in names, made.out
    assert made.document["failed"] == ["answer in words"], made.out
    assert await is_over(installation, made.document["call_id"])


async def test_a_smoke_test_that_is_interrupted_hangs_up(installation: Running) -> None:
    smoking = await start("smoke", environment=installation.environment)
    assert smoking.stdout is not None
    seen = ""
    while "Atlas joined" not in seen:
        line = await asyncio.wait_for(smoking.stdout.readline(), 60)
        assert line, seen
        seen += line.decode()
    smoking.send_signal(signal.SIGINT)
    stopped = await finish(smoking)
    assert stopped.code == 130
    call_id = re.search(r"call_[0-9a-z]{26}", seen)
    assert call_id is not None
    assert await is_over(installation, call_id[0])


async def test_a_healthy_stack_is_well(installation: Running) -> None:
    assert await installation.findings("doctor") == {}
    shown = await installation.run("doctor")
    assert shown.code == 0
    assert "registered with LiveKit" in shown.out
    here = installation.stack.description
    async with api.LiveKitAPI(
        here.livekit_url, here.livekit_api_key, here.livekit_api_secret
    ) as livekit:
        rooms = (await livekit.room.list_rooms(api.ListRoomsRequest())).rooms
    assert not [room.name for room in rooms if room.name.startswith("probe-")]


async def test_a_wrong_key_is_named(installation: Running) -> None:
    wrong = await installation.findings("doctor", SWITCHBOARD_API_KEY="nobody")
    assert list(wrong) == ["key"]
    assert "SWITCHBOARD_API_KEY" in wrong["key"]["next_step"]


async def test_nothing_running_is_named(tmp_path: Path) -> None:
    ran = await running.run("doctor", environment={"SWITCHBOARD_RUN_DIR": str(tmp_path)})
    assert ran.code == 1
    assert "which one" in ran.err
    assert "make up" in ran.out


async def test_a_killed_worker_is_named_and_no_call_starts(installation: Running) -> None:
    await installation.stack.kill("worker")
    wrong = await installation.findings("doctor")
    assert {"processes", "worker"} <= set(wrong)
    assert "make up" in wrong["worker"]["next_step"]
    assert not {"Atlas", "Media Bot", "LiveKit's webhooks"} & set(wrong)
    made = await installation.run("smoke", "--json", SWITCHBOARD_PATIENCE="0")
    assert (made.code, made.document["failed"]) == (7, ["call started"])


async def test_without_atlas_doctor_and_smoke_name_it_and_the_call_is_over(
    installation: Running,
) -> None:
    await installation.stack.kill("atlas")
    wrong = await installation.findings("doctor")
    assert set(wrong) == {"processes", "Atlas"}
    made = await installation.run("smoke", "--json")
    assert (made.code, made.document["failed"]) == (1, ["Atlas joined"])
    assert await is_over(installation, made.document["call_id"])


async def test_livekit_down_is_named(installation: Running) -> None:
    await installation.stack.kill("livekit")
    wrong = await installation.findings("doctor")
    assert {"processes", "livekit", "LiveKit from here", "agents and webhooks"} <= set(wrong)


async def is_over(installation: Running, call_id: str) -> bool:
    for _ in range(40):
        call = (await installation.run("calls", "show", call_id, "--json")).document
        if call["status"] == "ended":
            return True
        await asyncio.sleep(0.5)
    return False
