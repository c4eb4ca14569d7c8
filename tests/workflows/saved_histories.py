"""Histories of calls as they really ran, kept as files; every later version must replay them.

`SAVE_HISTORIES=1 .venv/bin/pytest tests/workflows` writes them anew: only with a change that
replays the old ones first. A history that no longer replays is a live call that would hang after a
deploy.
"""

from __future__ import annotations

import re
from pathlib import Path

from temporalio.client import Client, WorkflowHistory

FOLDER = Path(__file__).with_name("histories")


async def save_histories(client: Client, task_queue: str, test: str) -> None:
    name = re.sub(r"\W+", "_", test).strip("_")
    async for execution in client.list_workflows(f"TaskQueue = '{task_queue}'"):
        history = await client.get_workflow_handle(execution.id).fetch_history()
        FOLDER.mkdir(exist_ok=True)
        file = FOLDER / f"{name}.{execution.workflow_type}.json"
        file.write_text(history.to_json())


def saved_histories() -> dict[str, WorkflowHistory]:
    return {
        file.stem: WorkflowHistory.from_json(f"call_{file.stem}", file.read_text())
        for file in sorted(FOLDER.glob("*.json"))
    }
