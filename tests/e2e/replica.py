"""A second agent server beside a stack's own, as a deployment with two replicas has it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sandbox.stack import Part, Stack
from sandbox.stack.environment import environment
from sandbox.stack.ports import FreePorts
from sandbox.stack.site import CHECKOUT
from tests.e2e.switchboard import eventually


@asynccontextmanager
async def second_agent_server(stack: Stack, part: Part) -> AsyncIterator[None]:
    """Once LiveKit knows it and it has a process for a call, until the end. It carries no mark of
    the stack: `Stack.pids` and `Stack.kill` are about the first one."""
    livekit_log = stack.site.log(Part.LIVEKIT)
    before = _registrations(livekit_log.read_text(), part)
    free = FreePorts.take()
    settings = environment(part, stack.site) | {
        f"{part.name}_HEALTH_PORT": str(free.ports.atlas_health),
        f"{part.name}_PROMETHEUS_PORT": str(free.ports.atlas_metrics),
    }
    program = f"agents.{part.name.lower()}"
    own_log = stack.run_dir / "logs" / f"second-{part}.log"
    own_log.unlink(missing_ok=True)
    with own_log.open("ab") as out:
        server = await asyncio.create_subprocess_exec(
            *("setpriv", "--pdeathsig", "KILL", "--", sys.executable, "-m", program),
            cwd=CHECKOUT,
            env=settings,
            stdout=out,
            stderr=out,
        )

    async def is_there() -> bool:
        # Who had to register in a hurry has nobody to send yet.
        is_warm = "process initialized" in await asyncio.to_thread(own_log.read_text)
        known = _registrations(await asyncio.to_thread(livekit_log.read_text), part)
        return is_warm and known > before

    try:
        await eventually(is_there, timeout=120, otherwise=f"no second {part}")
        yield
    finally:
        server.terminate()
        await asyncio.wait_for(server.wait(), 40)
        free.give_back()


def _registrations(log: str, part: Part) -> int:
    return sum('"worker registered"' in line and f'"{part}"' in line for line in log.splitlines())
