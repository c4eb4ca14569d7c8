"""Looking at and ending a stack that another process started, by its folder alone."""

from __future__ import annotations

from pathlib import Path

from sandbox.stack import processes
from sandbox.stack.parts import SERVERS, Part
from sandbox.stack.processes import Process


async def take_down(folder: Path) -> list[Part]:
    """End whatever runs from this folder, gracefully; the parts that were found."""
    trees = processes.running(folder)
    leaders = [Process(part, tree[0], folder) for part, tree in trees.items()]
    await processes.end(p for p in leaders if p.part not in SERVERS)
    await processes.end(
        (p for p in leaders if p.part in SERVERS), patience=processes.SERVERS_PATIENCE
    )
    (folder / "stack.json").unlink(missing_ok=True)
    return list(trees)
