"""The recorder as a process: its settings, and its end in the middle of a recording."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from pathlib import Path

import pytest
from livekit import api

from sandbox.stack.ports import FreePorts
from tests.sandbox.recorder.bench import Bench, Sound

pytestmark = pytest.mark.slow  # starts processes

CHECKOUT = Path(__file__).resolve().parents[3]


async def start(tmp_path: Path, **changes: str | None) -> asyncio.subprocess.Process:
    settings = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(CHECKOUT),
        "RECORDER_PORT": "1",
        "RECORDER_BACKUP_DIR": str(tmp_path),
        "LIVEKIT_URL": "ws://127.0.0.1:1",
        "LIVEKIT_API_KEY": "key",
        "LIVEKIT_API_SECRET": "secret" * 6,
    } | changes
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *["-m", "sandbox.recorder"],
        env={name: value for name, value in settings.items() if value is not None},
        stderr=asyncio.subprocess.PIPE,
    )


async def run_with(tmp_path: Path, **changes: str | None) -> tuple[int, str]:
    process = await start(tmp_path, **changes)
    _, stderr = await process.communicate()
    assert process.returncode is not None
    return process.returncode, stderr.decode()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("RECORDER_PORT", None),
        ("RECORDER_PORT", "many"),
        ("RECORDER_WEBHOOK_URLS", "http://a/hook,nonsense"),
        ("LIVEKIT_URL", "127.0.0.1:7880"),
        ("LIVEKIT_API_SECRET", None),
        ("RECORDER_BACKUP_DIR", "/dev/null/folder"),
    ],
)
async def test_a_wrong_setting_is_named(tmp_path: Path, name: str, value: str | None) -> None:
    code, stderr = await run_with(tmp_path, **{name: value})
    assert code == 2
    assert name in stderr
    assert len(stderr.strip().splitlines()) == 1


async def test_sigterm_ends_an_idle_recorder_well(tmp_path: Path) -> None:
    nobody = FreePorts.take()
    try:
        process = await start(tmp_path, RECORDER_PORT=str(nobody.ports.recorder))
        assert process.stderr is not None
        assert b"recorder ready" in await process.stderr.readline()
        process.terminate()
        await asyncio.wait_for(process.communicate(), 20)
    finally:
        nobody.give_back()
    assert process.returncode == 0


@pytest.mark.stack
@pytest.mark.asyncio(loop_scope="session")
async def test_sigterm_finishes_what_is_being_recorded(bench: Bench) -> None:
    room = await bench.room()
    async with bench.speaker(room, "caller") as caller:
        caller.hz = 440
        await caller.publish()
        egress = await bench.start(room)
        status = api.EgressStatus.EGRESS_ACTIVE
        info = await bench.until(egress.egress_id, lambda info: info.status == status)
        await asyncio.sleep(1)
        asked = time.monotonic()
        await bench.stack.kill("recorder", signal.SIGTERM)
        assert time.monotonic() - asked < 15
    try:
        bodies = await bench.events(egress.egress_id, 4)
        last = bodies[3]["egressInfo"]
        assert (last["status"], last["details"]) == (
            "EGRESS_COMPLETE",
            "End reason: Process killed",
        )
        sound = Sound.of(await bench.object(info.file.filename))
        assert sound.onset_of(440) < sound.seconds
    finally:
        await bench.stack.start_process("recorder")
