"""The client examples of docs/clients: checked by their compilers, and run against a stack.

While each follows its call the API is restarted: it goes on where it stopped.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from livekit import api as livekit_api

from tests.e2e.switchboard import Switchboard, WebCall, eventually, told

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / "docs/clients/python/switchboard_client.py"
TYPESCRIPT = ROOT / "docs/clients/typescript"


def _run(*command: str | Path, cwd: Path = ROOT) -> None:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"


@pytest.fixture(scope="session")
def tsc() -> Path:
    """The TypeScript compiler that docs/clients/typescript/package-lock.json pins."""
    for program in ("node", "npm"):
        assert shutil.which(program), (
            f"{program} is missing: install Node 20 or newer (Debian: apt-get install nodejs npm)."
        )
    folder = ROOT / ".tools" / "typescript"
    folder.mkdir(parents=True, exist_ok=True)
    lock = "package-lock.json"
    compiler = folder / "node_modules" / ".bin" / "tsc"
    wanted = (TYPESCRIPT / lock).read_text()
    if not compiler.exists() or (folder / lock).read_text() != wanted:
        for name in ("package.json", lock):
            shutil.copyfile(TYPESCRIPT / name, folder / name)
        _run("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", cwd=folder)
    return compiler


def test_the_python_client_is_typed() -> None:
    _run(sys.executable, "-m", "mypy", "--strict", PYTHON)


def test_the_typescript_client_is_typed(tsc: Path) -> None:
    _run(tsc, "--noEmit", "--project", TYPESCRIPT)


@pytest.mark.stack
@pytest.mark.asyncio(loop_scope="session")
async def test_the_python_client_follows_a_call_over_a_restart_of_the_api(
    switchboard: Switchboard,
) -> None:
    await _follows_a_call(switchboard, sys.executable, "-u", str(PYTHON))


@pytest.mark.stack
@pytest.mark.asyncio(loop_scope="session")
async def test_the_typescript_client_follows_a_call_over_a_restart_of_the_api(
    switchboard: Switchboard, tsc: Path, tmp_path: Path
) -> None:
    _run(tsc, "--project", TYPESCRIPT, "--outDir", tmp_path)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    await _follows_a_call(switchboard, "node", str(tmp_path / "example.js"))


async def _follows_a_call(switchboard: Switchboard, *command: str) -> None:
    before = await _newest(switchboard)
    await switchboard.stack.kill("api")  # it starts while nobody answers, and tries again
    async with _running(switchboard, *command) as client:
        await asyncio.sleep(1)
        await switchboard.stack.start_process("api")
        assert client.stdout is not None
        async with asyncio.timeout(60):
            first = (await client.stdout.readline()).decode()
            assert first.startswith("join with ws://"), first
            call_id = await _newest(switchboard)
            assert call_id is not None
            assert call_id != before
            call = WebCall(switchboard, {"call_id": call_id, "room_name": call_id})
            # Not before: without the API an assistant does not learn who it is.
            await _agents_are_in(switchboard, call_id)
            lines = [(await client.stdout.readline()).decode()]
            await switchboard.stack.kill("api")
            await switchboard.stack.start_process("api")
            hung_up = await switchboard.http.post(f"/calls/{call_id}/hangup")
            assert hung_up.status_code == 200, hung_up.text
            lines += (await client.stdout.read()).decode().splitlines(keepends=True)
    assert client.returncode == 0
    assert lines[-1].startswith(f"{call_id} ended operator_hung_up "), lines[-1]
    timeline = sorted(await call.timeline(), key=lambda entry: entry["seq"])
    followed = [line.split(" ", 2)[2].rstrip("\n") for line in lines[:-1]]
    assert followed == [entry["text"] for entry in timeline], told(timeline)


async def _agents_are_in(switchboard: Switchboard, room: str) -> None:
    async def look() -> bool:
        wanted = livekit_api.ListParticipantsRequest(room=room)
        found = await switchboard.livekit.room.list_participants(wanted)
        return {"atlas-1", "media-bot-1"} <= {one.identity for one in found.participants}

    await eventually(look, timeout=20, otherwise="the agents did not come")
    await asyncio.sleep(2)


async def _newest(switchboard: Switchboard) -> str | None:
    items = (await switchboard.get("/calls", limit=1))["items"]
    return items[0]["call_id"] if items else None


@asynccontextmanager
async def _running(
    switchboard: Switchboard, *command: str
) -> AsyncIterator[asyncio.subprocess.Process]:
    here = switchboard.description
    client = await asyncio.create_subprocess_exec(
        *command,
        env=os.environ | {"API_URL": here.api_url, "API_KEY": here.api_key},
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        yield client
        async with asyncio.timeout(60):
            await client.wait()
    finally:
        if client.returncode is None:
            client.kill()
            await client.wait()
