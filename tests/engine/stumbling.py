"""`python -m tests.engine.stumbling HOST:PORT`: a worker whose workflow fails with some words."""

from __future__ import annotations

import asyncio
import sys

from temporalio import workflow
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from engine.leaving import leave
from engine.logs import set_up_logs
from engine.runtime import use_our_runtime

WORDS = "my number is 555 0123"
CALL_ID = "call_01kafz9q0rmx5yt7w2e3n4p5q6"


@workflow.defn
class Stumbling:
    @workflow.run
    async def run(self) -> None:
        raise RuntimeError(WORDS)


async def main(address: str) -> None:
    set_up_logs("worker", "INFO", "json")
    use_our_runtime()
    client = await Client.connect(address)
    async with Worker(
        client,
        task_queue="stumbling",
        workflows=[Stumbling],
        workflow_runner=UnsandboxedWorkflowRunner(),
    ):
        await client.start_workflow(Stumbling.run, id=CALL_ID, task_queue="stumbling")
        await asyncio.sleep(2)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
    leave(0)
