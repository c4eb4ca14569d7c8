"""Work of an activity that may take minutes, so that a worker that dies of it is noticed soon."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from temporalio import activity

P = ParamSpec("P")
T = TypeVar("T")

_HEARTBEAT_SECONDS = 1.0


async def in_thread(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """As asyncio.to_thread, with a heartbeat a second. Raises what the work raises."""
    working = asyncio.create_task(asyncio.to_thread(work, *args, **kwargs))
    while not (await asyncio.wait({working}, timeout=_HEARTBEAT_SECONDS))[0]:
        activity.heartbeat()
    return working.result()
