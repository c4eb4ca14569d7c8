"""How a process ends that has threads which are not Python's own."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from typing import NoReturn


async def asked_to_stop() -> None:
    """Returns at SIGTERM or SIGINT."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await stop.wait()


def leave(code: int) -> NoReturn:
    """Exit now, without the interpreter's farewell; what had to be closed is closed.

    Temporal's core logs from threads of its own: one that does so while the interpreter goes down
    ends the process with "Fatal Python error: PyGILState_Release" instead of its exit code. And
    livekit's threads keep the interpreter waiting for seconds.
    """
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
