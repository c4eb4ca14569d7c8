"""`/readyz`: which part is away, what does not work meanwhile, and that it needs no restart."""

from __future__ import annotations

import asyncio
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from temporalio import workflow
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from contract.identity import ROOM_WATCH_WORKFLOW_ID
from sandbox.stack import Stack
from tests.api.service import Service, serve, settings_for
from tests.api.temporal import eventually

pytestmark = pytest.mark.slow  # waits until parts count as away

_KEPT = 1.1  # seconds, and a little, that an answer is good for


async def test_readiness_names_each_part_that_is_away(service: Service) -> None:
    assert (await service.get("/healthz")).status_code == 200
    answer = await service.get("/readyz")
    assert answer.status_code == 503
    assert "Retry-After" in answer.headers
    told = answer.json()
    assert told["status"] == "not ready"
    assert {name: part["ok"] for name, part in told["parts"].items()} == {
        "temporal": False,
        "livekit": False,
        "database": True,
        "object_store": False,
        "worker": False,
        "bridge": True,  # no trunk needs one
        "workflow_tasks": False,
    }
    for part in told["parts"].values():
        assert part["ok"] or (part["detail"] and part["without_it"])
    assert "127.0.0.1" not in answer.text


async def test_who_asks_while_the_parts_are_being_asked_shares_the_answer(tmp_path: Path) -> None:
    asked = 0

    async def count_and_hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        asked += 1
        await asyncio.sleep(0.3)
        writer.close()

    async with await asyncio.start_server(count_and_hang_up, "127.0.0.1", 0) as livekit:
        port = livekit.sockets[0].getsockname()[1]
        settings = settings_for(tmp_path, livekit_url=f"ws://127.0.0.1:{port}")
        async with serve(settings) as service:
            await service.get("/readyz")
            once, asked = asked, 0
            await asyncio.sleep(_KEPT)
            answers = await asyncio.gather(*(service.get("/readyz") for _ in range(20)))
            assert {answer.text for answer in answers} == {answers[0].text}
            assert 1 <= asked <= once
            impatient = asyncio.create_task(service.get("/readyz"))
            patient = asyncio.create_task(service.get("/readyz"))
            await asyncio.sleep(0.1)
            impatient.cancel()
            assert (await patient).status_code == 503
            asked = 0
            await asyncio.gather(*(service.get("/readyz") for _ in range(20)))
            assert asked == 0  # kept for a second, and no longer
            await asyncio.sleep(_KEPT)
            await service.get("/readyz")
            assert asked >= 1


# Temporal answers otherwise from about 18 s after a worker's end.
_UNTIL_NO_POLLER_IS_SEEN = 26.0
_TRIGGER = "system.numConsecutiveWorkflowTaskProblemsToTriggerSearchAttribute"


@workflow.defn
class CannotGoOn:
    """Its code has a mistake, so its workflow task fails again and again."""

    is_mended = False

    @workflow.run
    async def run(self) -> None:
        if not CannotGoOn.is_mended:
            raise RuntimeError("a mistake")


@pytest.mark.stack
async def test_workflows_that_cannot_go_on_are_counted(tmp_path: Path) -> None:
    CannotGoOn.is_mended = False
    async with (
        await temporal_that_reports_soon() as temporal,
        serve(settings_for(tmp_path, temporal_address=address_of(temporal.client))) as service,
        worker_of(temporal.client, CannotGoOn, "stumbling"),
    ):
        assert (await workflow_tasks(service))["ok"]
        started = await temporal.client.start_workflow(
            CannotGoOn.run, id="stuck", task_queue="stumbling"
        )

        async def is_told() -> bool:
            return not (await workflow_tasks(service))["ok"]

        await eventually(is_told, 40)
        told = await workflow_tasks(service)
        assert told["detail"].startswith("1 workflows cannot go on")
        assert told["link"].startswith(
            "http://temporal-ui.test/namespaces/default/workflows?query="
        )
        assert not told["needed"]

        CannotGoOn.is_mended = True
        await started.result(rpc_timeout=timedelta(seconds=40))

        async def is_well() -> bool:
            return bool((await workflow_tasks(service))["ok"])

        await eventually(is_well, 20)


@workflow.defn
class Waits:
    @workflow.run
    async def run(self) -> None:
        await workflow.wait_condition(lambda: False)


@pytest.mark.stack
async def test_a_worker_that_is_gone_is_told_from_one_that_cannot_go_on(tmp_path: Path) -> None:
    """Temporal refuses both with the same status once it has seen no poller for a while."""
    CannotGoOn.is_mended = False
    async with await temporal_that_reports_soon() as temporal:
        stumbling = settings_for(
            tmp_path, temporal_address=address_of(temporal.client), call_task_queue="calls"
        )
        async with serve(stumbling) as service:
            start = temporal.client.start_workflow

            async def says(sentence: str) -> bool:
                part = await part_of(service, "worker")
                return not part["ok"] and part["detail"].startswith(sentence)

            async with worker_of(temporal.client, CannotGoOn, "stumbling"):
                stuck = await start(
                    CannotGoOn.run, id=ROOM_WATCH_WORKFLOW_ID, task_queue="stumbling"
                )
                await eventually(lambda: says("The room watch's own task fails"), 20)
                await stuck.terminate()
            async with worker_of(temporal.client, Waits, "calls"):
                await start(Waits.run, id=ROOM_WATCH_WORKFLOW_ID, task_queue="calls")

                async def is_well() -> bool:
                    return bool((await part_of(service, "worker"))["ok"])

                await eventually(is_well, 10)
            gone = time.monotonic()
            await asyncio.sleep(_KEPT)
            while time.monotonic() < gone + _UNTIL_NO_POLLER_IS_SEEN:
                assert await says("No worker answered on task queue calls")
                await asyncio.sleep(1.0)
            assert await says("No worker answered on task queue calls")


async def part_of(service: Service, name: str) -> dict[str, Any]:
    part: dict[str, Any] = (await service.get("/readyz")).json()["parts"][name]
    return part


async def workflow_tasks(service: Service) -> dict[str, Any]:
    return await part_of(service, "workflow_tasks")


async def temporal_that_reports_soon() -> WorkflowEnvironment:
    return await WorkflowEnvironment.start_local(
        dev_server_existing_path=str(Path(sys.executable).parent / "temporal"),
        dev_server_extra_args=[
            *("--log-level", "error"),
            # The default of 5 takes the server a minute.
            *("--dynamic-config-value", f"{_TRIGGER}=2"),
        ],
    )


def address_of(client: Client) -> str:
    return client.service_client.config.target_host


def worker_of(client: Client, kind: type, queue: str) -> Worker:
    return Worker(
        client,
        task_queue=queue,
        workflows=[kind],
        workflow_runner=UnsandboxedWorkflowRunner(),
        sticky_queue_schedule_to_start_timeout=timedelta(seconds=1),
    )


@pytest.mark.stack
async def test_what_comes_back_is_found_again_without_a_restart(tmp_path: Path) -> None:
    """Each server is killed and started again; the API's process stays the same."""
    servers = {"temporal": "temporal", "livekit": "livekit", "s3": "object_store"}
    only = [*servers, "api"]
    async with (
        Stack(tmp_path / "run", free_ports=True, only=only) as stack,
        httpx2.AsyncClient(base_url=stack.description.api_url, timeout=10) as plain,
    ):
        pids = stack.pids("api")

        async def readiness() -> dict[str, Any]:
            answer = await plain.get("/readyz")
            told: dict[str, Any] = answer.json()
            assert (answer.status_code == 503) == (told["status"] == "not ready")
            return told

        async def becomes(status: str, *away: str) -> None:
            async def is_so() -> bool:
                told = await readiness()
                missing = {name for name, part in told["parts"].items() if not part["ok"]}
                return (told["status"], missing) == (status, set(away))

            await eventually(is_so, 20)

        await becomes("degraded", "worker")
        for server, part in servers.items():
            await stack.kill(server)
            # Without Temporal nobody can be asked for stuck workflows either.
            also = ["workflow_tasks"] if server == "temporal" else []
            await becomes("not ready", part, "worker", *also)
            await stack.start_process(server)
            await becomes("degraded", "worker")
        assert stack.pids("api") == pids
