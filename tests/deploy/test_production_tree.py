"""The image's tree, built by the Dockerfile's own lines, serves a whole recorded call.

There is no Docker engine where this runs; what an image would lack (a package, a file, a model's
weights) is lacking here as well. docs/deploy.md says what differs from a real image.
"""

from __future__ import annotations

import asyncio
import re
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from contract.identity import ROOM_WATCH_WORKFLOW_ID
from sandbox.stack import Part, Stack
from sandbox.stack.environment import environment as settings_of
from sandbox.stack.furnishing import TRUNK_ID, furnish
from settings_table.settings import settings_by_process
from tests.deploy import image
from tests.deploy.compose import everything
from tests.e2e.conversation import GREETING
from tests.e2e.switchboard import Switchboard, eventually

pytestmark = pytest.mark.stack

SERVERS = ["temporal", "livekit", "s3", "providers", "recorder", "carrier"]
# Its phone says "Wrong number. Goodbye." and hangs up (docs/sandbox_carrier.md).
WRONG_NUMBER = "+919876500140"
OURS = (Part.API, Part.WORKER, Part.ATLAS, Part.MEDIA_BOT, Part.BRIDGE)
HEALTH_PORTS = {
    Part.API: "api",
    Part.WORKER: "worker_http",
    Part.ATLAS: "atlas_health",
    Part.MEDIA_BOT: "media_bot_health",
    Part.BRIDGE: "bridge_http",
}


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("image") / "app"
    image.build(folder)
    before = contents(folder)
    yield folder
    # In the image the tree is read-only.
    assert contents(folder) == before


def contents(folder: Path) -> dict[str, float]:
    return {str(path): path.lstat().st_mtime for path in folder.rglob("*") if not path.is_dir()}


def command_of(service: str) -> list[str]:
    return list(everything()[service]["command"])


def environment(part: Part, stack: Stack, tree: Path, secrets: Path) -> dict[str, str]:
    """The embedded stack's settings, its secrets in files, and nothing of this checkout."""
    given = settings_of(part, stack.site)
    for setting in settings_by_process()[part]:
        if setting.secret and setting.name in given:
            file = secrets / f"{part}-{setting.name}"
            file.write_text(given.pop(setting.name))
            given[f"{setting.name}_FILE"] = str(file)
    return given | image.environment(tree) | {"API_HOST": "127.0.0.1", "HOME": "/nonexistent"}


def run(tree: Path, environment: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    program = tree / ".venv" / "bin" / words[0]
    return subprocess.run(
        [program, *words[1:]],
        cwd=tree,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@asynccontextmanager
async def started(
    part: Part, stack: Stack, tree: Path, secrets: Path
) -> AsyncIterator[dict[str, str]]:
    """One process as its container would start it; ended as Docker ends it."""
    given = environment(part, stack, tree, secrets)
    program, *words = command_of(part)
    log = stack.site.log(part)
    with log.open("ab") as out:
        process = await asyncio.create_subprocess_exec(
            *("setpriv", "--pdeathsig", "KILL", "--", tree / ".venv" / "bin" / program, *words),
            cwd=tree,
            env=given,
            stdout=out,
            stderr=out,
        )
    try:
        yield given
    finally:
        process.terminate()
        code = await asyncio.wait_for(process.wait(), 20)
    assert code == 0, log.read_text()[-1000:]


async def healthy(part: Part, stack: Stack, tree: Path, given: dict[str, str]) -> None:
    """Asks as the compose file asks, on the port that this stack has given the process."""
    *words, url = everything()[part]["healthcheck"]["test"][1:]
    port = getattr(stack.site.ports, HEALTH_PORTS[part])
    mine = re.sub(r":\d+/", f":{port}/", url)

    async def look() -> bool:
        return (await asyncio.to_thread(run, tree, given, *words, mine)).returncode == 0

    await eventually(look, timeout=120, otherwise=f"{part}: {stack.site.log(part)}")


async def rooms_are_watched(switchboard: Switchboard) -> bool:
    """The watch's activity runs; Temporal refused its tasks once, and calls alone did not tell."""
    watch = switchboard.temporal.get_workflow_handle(ROOM_WATCH_WORKFLOW_ID)
    return bool((await watch.describe()).raw_description.pending_activities)


async def telephone(switchboard: Switchboard, number: str) -> dict[str, Any]:
    """The record of a call to this number, once it is over."""
    order = {"assistant_id": "demo", "trunk_id": TRUNK_ID, "to_number": number}
    answer = await switchboard.http.post("/call/outbound", json=order)
    assert answer.status_code == 202, answer.text
    call_id = answer.json()["call_id"]
    record: dict[str, Any] = {}

    async def over() -> bool:
        record.update((await switchboard.http.get(f"/calls/{call_id}")).json())
        return bool(record["status"] == "ended")

    await eventually(over, timeout=60, otherwise=f"{call_id} does not end")
    return record


@pytest.mark.real_time  # what the caller says has to be understood
@pytest.mark.timeout(420)
async def test_recorded_calls_with_the_real_turn_detector_and_to_a_telephone(
    tree: Path, tmp_path: Path
) -> None:
    async with Stack(tmp_path / "run", free_ports=True, only=SERVERS) as stack:
        secrets = tmp_path / "secrets"
        secrets.mkdir()
        async with (
            started(Part.API, stack, tree, secrets) as api,
            started(Part.WORKER, stack, tree, secrets) as worker,
            started(Part.ATLAS, stack, tree, secrets) as atlas,
            started(Part.MEDIA_BOT, stack, tree, secrets) as media_bot,
            started(Part.BRIDGE, stack, tree, secrets) as bridge,
            Switchboard.of(stack) as switchboard,
        ):
            settings = (api, worker, atlas, media_bot, bridge)
            for part, given in zip(HEALTH_PORTS, settings, strict=True):
                await healthy(part, stack, tree, given)
            assistant = await switchboard.make_assistant(
                opening={"mode": "say", "text": GREETING}, turn={"detection": "model"}
            )
            call = await switchboard.place_call(assistant, record=True)
            caller = await call.join()
            await caller.heard.wait_until_heard(0.5, timeout=40)
            # The detector, and its model, judge where this sentence ends.
            await caller.say("What are your opening hours?")
            assert [turn["speaker"] for turn in await call.turns(3, timeout=40)][1] == "caller"
            await caller.leave()
            record = await call.settled()
            assert record.recording["status"] == "ready"
            assert record.call["ended_reason"] == "caller_hung_up"
            await eventually(
                lambda: rooms_are_watched(switchboard), timeout=40, otherwise="nobody watches"
            )
            await furnish(stack.site)
            phone_call = await telephone(switchboard, WRONG_NUMBER)
            assert phone_call["ended_reason"] == "callee_hung_up", phone_call
            assert phone_call["talk_seconds"] > 1


def test_the_bucket_is_made_once(tree: Path, tmp_path: Path) -> None:
    async def scenario() -> list[Any]:
        async with Stack(tmp_path, free_ports=True, only=["s3"]) as stack:
            api = environment(Part.API, stack, tree, tmp_path) | {"S3_BUCKET": "made-by-us"}
            words = command_of("s3-bucket")
            return [await asyncio.to_thread(run, tree, api, *words) for _ in range(2)]

    first, second = asyncio.run(scenario())
    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    assert "was made" in first.stdout
    assert "there already" in second.stdout


# Debian's libraries in python:3.11-slim: C, C++, zlib, and no more.
_OF_SLIM = {"c", "dl", "gcc_s", "m", "mvec", "pthread", "rt", "stdc++", "z"}


def test_the_wheels_need_no_library_that_the_image_lacks(tree: Path) -> None:
    found: set[str] = set()
    for binary in (tree / ".venv").rglob("*.so*"):
        listed = subprocess.run(["ldd", binary], capture_output=True, text=True, check=False)
        for name, where in re.findall(r"lib(\S+?)\.so\S* => (not found|/\S+)", listed.stdout):
            assert where != "not found", f"{binary} lacks lib{name}"
            if not Path(where).is_relative_to(tree):
                found.add(name)
    assert "c" in found
    assert found <= _OF_SLIM


def test_a_missing_setting_is_told_in_one_sentence(tree: Path) -> None:
    for part in OURS:
        refused = run(tree, image.environment(tree), *command_of(part))
        assert refused.returncode == 2, refused.stderr
        assert refused.stderr.startswith("Cannot start: "), refused.stderr
        assert refused.stderr.count("\n") == 1


def test_the_command_line_is_there(tree: Path) -> None:
    for words in (["--help"], ["smoke", "--help"], ["doctor", "--help"]):
        helped = run(tree, image.environment(tree), "python", "-m", "cli", *words)
        assert helped.returncode == 0, helped.stderr
