"""What the processes that run activities have in common: how they start, and their own pages."""

from __future__ import annotations

import sys
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from typing import Any, TypeVar

from temporalio.service import RPCError

from activities.call_log import quiet_temporal
from contract.errors import SettingsError, Unavailable
from engine.http_pages import ProcessPages
from engine.logs import set_up_logs
from engine.settings import EngineSettings
from engine.startup import BAD_SETTINGS, load, tell_misspelt

_Settings = TypeVar("_Settings", bound=EngineSettings)


def run_worker(
    name: str,
    kind: type[_Settings],
    work: Callable[[_Settings], Coroutine[Any, Any, None]],
    run: Callable[[Coroutine[Any, Any, None]], None],
) -> int:
    """The process' exit code; what keeps it from starting is told in one sentence. `run`: of the
    event loop, such as asyncio.run."""
    settings = load(kind)
    try:
        set_up_logs(name, settings.log_level, settings.log_format)
        tell_misspelt(kind)
        quiet_temporal()
        run(work(settings))
    except (SettingsError, Unavailable) as error:
        print(error, file=sys.stderr)
        return BAD_SETTINGS
    except (RPCError, RuntimeError) as error:
        print(f"Temporal does not answer at {settings.temporal_address}: {error}", file=sys.stderr)
        return 1
    return 0


async def serve_pages(
    stack: AsyncExitStack, pages: ProcessPages, host: str, port: int, setting: str
) -> None:
    """For as long as the stack is open: only while the worker polls, so whoever is answered sees
    one that does. Raises SettingsError, which names the port's setting."""
    try:
        await stack.enter_async_context(pages.serve(host, port))
    except OSError as error:
        raise SettingsError(f"{setting} cannot be used: {error.strerror}.") from error
