"""The stack on real servers: up, side by side, hurt, and gone without a trace."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import boto3
import pytest
from livekit import api
from temporalio.client import Client

from sandbox.caller import Caller
from sandbox.stack import Stack, StackDescription, StackError, processes
from sandbox.stack.keys import Keys
from sandbox.stack.ports import FreePorts, variable
from sandbox.stack.site import CHECKOUT

pytestmark = pytest.mark.stack

SERVERS = ["temporal", "livekit", "s3"]


@pytest.fixture
def ports() -> Iterator[FreePorts]:
    taken = FreePorts.take()
    yield taken
    taken.give_back()


def command(run_dir: Path, ports: FreePorts, *line: str) -> subprocess.CompletedProcess[str]:
    """`python -m sandbox.stack ...`, as the Makefile calls it."""
    chosen = {variable(f.name): str(getattr(ports.ports, f.name)) for f in fields(ports.ports)}
    return subprocess.run(
        [sys.executable, "-m", "sandbox.stack", *line],
        cwd=CHECKOUT,
        env=os.environ | chosen | {"SWITCHBOARD_RUN_DIR": str(run_dir)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def token(stack: StackDescription, identity: str) -> str:
    return (
        api.AccessToken(stack.livekit_api_key, stack.livekit_api_secret)
        .with_identity(identity)
        .with_grants(api.VideoGrants(room_join=True, room="test"))
        .to_jwt()
    )


async def hear_each_other(stack: StackDescription) -> float:
    """Two people in one room: seconds from a word's start to its arrival."""
    speaker, listener = Caller(), Caller()
    await speaker.join(stack.livekit_url, token(stack, "speaker"))
    await listener.join(stack.livekit_url, token(stack, "listener"), publish=False)
    try:
        await asyncio.sleep(0.5)
        spoken = await speaker.say("What are your opening hours?")
        return await listener.heard.wait_until_heard(0.5) - spoken.started_at
    finally:
        await speaker.leave()
        await listener.leave()


async def test_two_stacks_side_by_side(tmp_path: Path) -> None:
    async with (
        Stack(tmp_path / "one", free_ports=True, only=SERVERS) as one,
        Stack(tmp_path / "two", free_ports=True, only=SERVERS) as two,
    ):
        both = one.description, two.description
        delays = await asyncio.gather(*(hear_each_other(stack) for stack in both))
        assert all(0 < delay < 1 for delay in delays), delays
        for stack in both:
            client = await Client.connect(stack.temporal_address)
            assert [w async for w in client.list_workflows("CallStatus = 'ended'")] == []
            boto3.client(
                "s3",
                endpoint_url=stack.s3_endpoint,
                aws_access_key_id=stack.s3_access_key_id,
                aws_secret_access_key=stack.s3_secret_access_key,
                region_name="us-east-1",
            ).put_object(Bucket=stack.s3_bucket, Key="a/b.ogg", Body=b"x", ContentType="audio/ogg")
    assert processes.running(tmp_path / "one") == {}
    assert processes.running(tmp_path / "two") == {}


def test_up_status_down_in_a_path_with_a_space(tmp_path: Path, ports: FreePorts) -> None:
    folder = tmp_path / "a stack"
    up = command(folder, ports, "up", "--only", "temporal,livekit,s3")
    try:
        assert up.returncode == 0, up.stderr
        described = StackDescription.read(folder / "stack.json")
        assert list(described.processes) == SERVERS
        assert described.api_url == f"http://127.0.0.1:{ports.ports.api}"
        assert (folder / "stack.json").stat().st_mode & 0o077 == 0  # it holds the keys
        assert command(folder, ports, "status").returncode == 0
        assert "up already" in command(folder, ports, "up").stdout

        os.kill(described.processes["s3"].pid, signal.SIGKILL)
        status = command(folder, ports, "status")
        assert status.returncode == 1
        assert "s3 died" in status.stderr
        mended = command(folder, ports, "up")
        assert "Started s3 again" in mended.stdout, mended.stderr
        assert command(folder, ports, "status").returncode == 0
        assert f"API_KEY={described.api_key}" in command(folder, ports, "env").stdout
    finally:
        down = command(folder, ports, "down")
    assert "Ended temporal, livekit, s3" in down.stdout
    assert processes.running(folder) == {}
    assert not (folder / "stack.json").exists()
    assert Keys.load_or_make(folder / "keys.json").api_key == described.api_key


def test_a_port_in_use_is_one_sentence(tmp_path: Path, ports: FreePorts) -> None:
    with socket.create_server(("127.0.0.1", ports.ports.livekit_tcp)):
        up = command(tmp_path, ports, "up", "--only", "temporal,livekit,s3")
    assert up.returncode == 1
    assert f"Port {ports.ports.livekit_tcp}, which livekit needs, is in use" in up.stderr
    assert "SWITCHBOARD_LIVEKIT_TCP_PORT" in up.stderr
    assert up.stderr.count("\n") == 1
    assert processes.running(tmp_path) == {}


async def test_a_server_that_dies_while_starting_is_one_sentence(tmp_path: Path) -> None:
    stack = Stack(tmp_path, free_ports=True, only=SERVERS, settings={"s3": {"ROOT_ACCESS_KEY": ""}})
    with pytest.raises(StackError, match=r"^s3 ended with code \d+ while starting: .*s3\.log"):
        await stack.start()
    assert processes.running(tmp_path) == {}
    assert not (tmp_path / "stack.json").exists()


async def test_a_folder_has_one_stack(tmp_path: Path) -> None:
    async with Stack(tmp_path, free_ports=True, only=["s3"]) as first:
        with pytest.raises(StackError, match="Another stack runs from"):
            await Stack(tmp_path, free_ports=True, only=["s3"]).start()
        assert first.is_running("s3")


async def test_a_part_can_be_killed_and_started_again(tmp_path: Path) -> None:
    async with Stack(tmp_path, free_ports=True, only=["livekit"]) as stack:
        (before,) = stack.pids("livekit")
        await stack.kill("livekit")
        assert not stack.is_running("livekit")
        await stack.start_process("livekit")
        (after,) = stack.pids("livekit")
        assert before != after
        assert StackDescription.read(tmp_path / "stack.json").processes["livekit"].pid == after


def test_a_strangers_pid_is_left_alone(tmp_path: Path, ports: FreePorts) -> None:
    """stack.json of a machine that lost power names pids that others have by now."""
    up = command(tmp_path, ports, "up", "--only", "s3")
    assert up.returncode == 0, up.stderr
    described = StackDescription.read(tmp_path / "stack.json")
    with subprocess.Popen(["sleep", "60"]) as stranger:
        entry = described.processes["s3"]
        file = (tmp_path / "stack.json").read_text()
        os.kill(entry.pid, signal.SIGKILL)
        (tmp_path / "stack.json").write_text(file.replace(str(entry.pid), str(stranger.pid)))
        assert command(tmp_path, ports, "status").returncode == 1
        assert "Nothing runs" in command(tmp_path, ports, "down").stdout
        assert stranger.poll() is None
        stranger.kill()


def test_parts_die_with_a_starter_that_is_killed(tmp_path: Path) -> None:
    program = (
        "import asyncio, sys\n"
        "from sandbox.stack import Stack\n"
        "async def main():\n"
        "    async with Stack(sys.argv[1], free_ports=True, only=['s3', 'livekit']):\n"
        "        print('ready', flush=True)\n"
        "        await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )
    line = [sys.executable, "-c", program, str(tmp_path)]
    with subprocess.Popen(line, cwd=CHECKOUT, stdout=subprocess.PIPE) as starter:
        assert starter.stdout is not None
        assert starter.stdout.readline() == b"ready\n"
        trees = processes.running(tmp_path)
        starter.kill()
    assert set(trees) == {"s3", "livekit"}
    leaders = [processes.Process(part, tree[0], tmp_path) for part, tree in trees.items()]
    asyncio.run(processes.gone(leaders, patience=5))
    assert processes.running(tmp_path) == {}
