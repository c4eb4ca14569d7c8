"""`python -m sandbox.talk`: the page on TALK_PORT, until SIGTERM."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys

from aiohttp import web

from engine.logs import set_up_logs
from engine.startup import load
from sandbox.talk.server import build
from sandbox.talk.settings import TalkSettings

log = logging.getLogger("sandbox.talk")


def main() -> int:
    settings = load(TalkSettings)
    set_up_logs("talk", settings.log_level, settings.log_format)
    return asyncio.run(serve(settings))


async def serve(settings: TalkSettings) -> int:
    """Serve until SIGTERM or SIGINT. Returns the exit code."""
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    runner = web.AppRunner(build(settings), access_log=None, shutdown_timeout=2.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", settings.talk_port).start()
        log.info("listening port=%d", settings.talk_port)
        await ended.wait()
    except OSError as error:
        reason = error.strerror or str(error)
        print(f"TALK_PORT {settings.talk_port} cannot be used: {reason}.", file=sys.stderr)
        return 2
    finally:
        await runner.cleanup()
    return 0


if __name__ == "__main__":
    sys.exit(main())
