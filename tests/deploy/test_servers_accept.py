"""The real servers take the production configuration: LiveKit, the object store, PostgreSQL."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import subprocess
import tempfile
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from livekit import api

from sandbox.caller import Caller
from sandbox.stack import servers
from sandbox.stack.commands import livekit_rooms
from sandbox.stack.ports import FreePorts, Ports
from tests.deploy.compose import CHECKOUT, everything
from tests.e2e.switchboard import eventually

pytestmark = pytest.mark.stack

DEPLOY = CHECKOUT / "deploy"
# Documentation's own (RFC 5737): nobody is there.
UNREACHABLE = "203.0.113.7"


@pytest.fixture
def ports() -> Iterator[Ports]:
    taken = FreePorts.take()
    yield taken.ports
    taken.give_back()


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    folder = tmp_path / "secrets"
    subprocess.run([DEPLOY / "make-secrets", folder], capture_output=True, check=False)
    return folder


def line_of(service: str, program: str) -> list[str]:
    """The service's command line here: the checkout's deploy/ instead of /switchboard."""
    config = everything()[service]
    words = [*config["entrypoint"], *config["command"]]
    # `config` writes a dollar sign as two.
    here = [word.replace("/switchboard", str(DEPLOY)).replace("$$", "$") for word in words]
    return [program if word == config["command"][0] else word for word in here]


@asynccontextmanager
async def running(
    words: list[str], **environment: str
) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        *("setpriv", "--pdeathsig", "KILL", "--", *words),
        env={"PATH": os.environ["PATH"], **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.communicate()


async def answers(url: str) -> bool:
    def ask() -> bool:
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    return await asyncio.to_thread(ask)


def livekit(tmp_path: Path, config: dict[str, Any]) -> list[str]:
    program = servers.go_program(servers.LIVEKIT, lambda news: None)
    file = tmp_path / "livekit.yaml"
    file.write_text(yaml.safe_dump(config))
    words = line_of("livekit", program)
    return [word if "--config=" not in word else f"--config={file}" for word in words]


def livekit_config() -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load((DEPLOY / "livekit" / "livekit.yaml").read_text())
    return read


async def test_livekit_knows_every_option_and_misses_only_redis(
    tmp_path: Path, secrets: Path
) -> None:
    config = livekit_config() | {"redis": {"address": "127.0.0.1:9"}}
    words = livekit(tmp_path, config)
    async with running(words, SECRETS_FOLDER=str(secrets), NODE_IP=UNREACHABLE) as server:
        output, _ = await asyncio.wait_for(server.communicate(), 30)
    assert b"unable to connect to redis: dial tcp 127.0.0.1:9" in output
    # It reads strictly: a name that it does not know is an error.
    async with running(
        livekit(tmp_path, config | {"webhooks": {}}), SECRETS_FOLDER=str(secrets)
    ) as server:
        output, _ = await asyncio.wait_for(server.communicate(), 30)
    assert b"field webhooks not found" in output


def test_rooms_behave_as_on_the_embedded_server() -> None:
    assert livekit_config()["room"] == livekit_rooms()


async def test_agents_are_heard_although_only_the_outer_address_is_told(
    tmp_path: Path, secrets: Path, ports: Ports
) -> None:
    """Containers share a network with LiveKit, but LiveKit names its address to callers only."""
    config = livekit_config()
    del config["redis"]  # as there is none here
    config |= {"port": ports.livekit, "prometheus": {"port": ports.talk}}
    config["rtc"] |= {"tcp_port": ports.livekit_tcp, "udp_port": ports.livekit_udp}
    words = livekit(tmp_path, config)
    key, _, secret = (secrets / "livekit_keys").read_text().partition(": ")

    def token(identity: str) -> str:
        grants = api.VideoGrants(room_join=True, room="test")
        return api.AccessToken(key, secret).with_identity(identity).with_grants(grants).to_jwt()

    async with running(words, SECRETS_FOLDER=str(secrets), NODE_IP=UNREACHABLE):
        page = f"http://127.0.0.1:{ports.livekit}/"
        await eventually(lambda: answers(page), timeout=20, otherwise="LiveKit does not answer")
        speaker, listener = Caller(), Caller()
        await speaker.join(f"ws://127.0.0.1:{ports.livekit}", token("speaker"))
        await listener.join(f"ws://127.0.0.1:{ports.livekit}", token("listener"), publish=False)
        try:
            await asyncio.sleep(0.5)
            await speaker.say("What are your opening hours?")
            await listener.heard.wait_until_heard(0.5, timeout=10)
        finally:
            await speaker.leave()
            await listener.leave()


async def test_the_object_store_takes_its_arguments_and_keeps_objects(
    tmp_path: Path, secrets: Path, ports: Ports
) -> None:
    program = servers.go_program(servers.VERSITYGW, lambda news: None)
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "versitygw").symlink_to(program)
    words = [
        word.replace("/data", str(tmp_path / "data")).replace(":7070", f"127.0.0.1:{ports.s3}")
        for word in line_of("s3", "/bin/sh")
    ]
    async with running(words, SECRETS_FOLDER=str(secrets), PATH=f"{tools}:{os.environ['PATH']}"):
        endpoint = f"http://127.0.0.1:{ports.s3}"
        health = f"{endpoint}/health"
        await eventually(lambda: answers(health), timeout=20, otherwise="no answer")
        client = boto3.session.Session().client(
            "s3",
            endpoint_url=endpoint,
            region_name="us-east-1",
            aws_access_key_id=(secrets / "s3_access_key_id").read_text(),
            aws_secret_access_key=(secrets / "s3_secret_access_key").read_text(),
        )
        client.create_bucket(Bucket="recordings")
        client.put_object(Bucket="recordings", Key="a/b", Body=b"x", Metadata={"kept": "yes"})
        assert client.head_object(Bucket="recordings", Key="a/b")["Metadata"] == {"kept": "yes"}
    # One folder holds all, and plain copies of it are whole backups.
    assert (tmp_path / "data" / "objects" / "recordings" / "a" / "b").read_bytes() == b"x"


def postgres_tools() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    assert found, "PostgreSQL is missing: `make system-packages` installs it."
    return found[-1].parent


def as_postgres(*words: str | Path) -> subprocess.CompletedProcess[str]:
    """PostgreSQL refuses to run as root; Debian's package brings the user."""
    prefix: list[str | Path] = []
    if os.getuid() == 0:
        prefix = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "--"]
    return subprocess.run(
        [*prefix, *words], cwd="/", capture_output=True, text=True, timeout=60, check=False
    )


@pytest.fixture
def postgres(ports: Ports) -> Iterator[tuple[str, int]]:
    """A new server: (folder of its socket, port)."""
    folder = Path(tempfile.mkdtemp(prefix="switchboard-postgres-"))
    data = folder / "data"
    if os.getuid() == 0:
        shutil.chown(folder, "postgres", "postgres")
    tools = postgres_tools()
    how = ["--auth=scram-sha-256", "--auth-local=trust", "--username=postgres", "--no-sync"]
    made = as_postgres(tools / "initdb", *how, data)
    assert made.returncode == 0, made.stderr
    options = f"-p {ports.s3} -k {folder} -c listen_addresses=127.0.0.1 -F"
    log = folder / "log"
    started = as_postgres(tools / "pg_ctl", "-D", data, "-o", options, "-l", log, "-w", "start")
    assert started.returncode == 0, started.stderr
    try:
        yield str(folder), ports.s3
    finally:
        as_postgres(tools / "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
        shutil.rmtree(folder)


def test_every_program_gets_its_own_databases_and_no_others(
    postgres: tuple[str, int], secrets: Path, tmp_path: Path
) -> None:
    folder, port = postgres
    script = (DEPLOY / "postgres" / "10-roles-and-databases.sql").read_text()
    # As the image runs it: with psql, as the superuser, stopping at the first error.
    psql = ["psql", "-v", "ON_ERROR_STOP=1", "-h", folder, "-p", str(port)]
    made = subprocess.run(
        [*psql, "-U", "postgres", "-d", "postgres"],
        input=script.replace("/run/secrets", str(secrets)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stderr

    def can_connect(role: str, database: str) -> bool:
        return (
            subprocess.run(
                [
                    "psql",
                    "-h",
                    "127.0.0.1",
                    "-p",
                    str(port),
                    "-U",
                    role,
                    database,
                    "-c",
                    "SELECT 1",
                ],
                env=os.environ | {"PGPASSWORD": (secrets / f"{role}_db_password").read_text()},
                capture_output=True,
                check=False,
            ).returncode
            == 0
        )

    assert can_connect("temporal", "temporal")
    assert can_connect("temporal", "temporal_visibility")
    assert can_connect("switchboard", "switchboard")
    assert not can_connect("temporal", "switchboard")
    assert not can_connect("switchboard", "temporal")
