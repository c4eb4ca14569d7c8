"""Temporal's own part of a process logs in our shape, without what an exception said."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import pytest
from temporalio.testing import WorkflowEnvironment

from tests.engine.stumbling import CALL_ID, WORDS

CHECKOUT = Path(__file__).parents[2]


@pytest.mark.stack
async def test_a_failing_workflow_task_is_told_in_our_shape() -> None:
    async with await WorkflowEnvironment.start_local(
        dev_server_existing_path=str(Path(sys.executable).parent / "temporal"),
        dev_server_extra_args=["--log-level", "error"],
    ) as temporal:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.engine.stumbling"),
            temporal.client.service_client.config.target_host,
            cwd=CHECKOUT,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        told, _ = await asyncio.wait_for(process.communicate(), 60)
    lines = [json.loads(line) for line in told.decode().splitlines()]
    tellers = {line["logger"].partition("-")[0]: line for line in lines}
    assert {"temporalio.core", "temporalio.worker._workflow_instance"} <= tellers.keys(), lines
    assert WORDS not in told.decode()
    by_python = tellers["temporalio.worker._workflow_instance"]
    assert by_python["call_id"] == CALL_ID
    assert by_python["trace"][-1] == "RuntimeError"
    assert tellers["temporalio.core"]["run_id"]
