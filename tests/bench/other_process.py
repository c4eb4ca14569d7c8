"""A program of the bench in a process of its own, which tells by lines and ends with its stdin."""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

_END_LIMIT = 10.0
_LINE_LIMIT = 60.0


@asynccontextmanager
async def other_process(module: str, *arguments: str) -> AsyncIterator[Process]:
    """It ends by itself when its stdin does."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", module, *arguments), stdin=PIPE, stdout=PIPE, limit=2**24
    )
    assert process.stdin is not None
    try:
        yield process
    finally:
        process.stdin.close()
        try:
            async with asyncio.timeout(_END_LIMIT):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


async def line_of(process: Process, *, within: float = _LINE_LIMIT) -> bytes:
    assert process.stdout is not None
    async with asyncio.timeout(within):
        return await process.stdout.readline()
