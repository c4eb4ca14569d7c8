"""`python -m sandbox.talk`: the page on TALK_PORT, until SIGTERM."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys

from aiohttp import web
from pydantic import ValidationError

from sandbox.talk.server import build
from sandbox.talk.settings import TalkSettings

_JSON = '{"level": "%(levelname)s", "logger": "%(name)s", "event": "%(message)s"}'
_CONSOLE = "%(asctime)s %(levelname)s %(name)s %(message)s"

log = logging.getLogger("sandbox.talk")


def main() -> int:
    as_json = os.environ.get("LOG_FORMAT") == "json"
    logging.basicConfig(level=logging.INFO, format=_JSON if as_json else _CONSOLE)
    try:
        settings = TalkSettings()
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]).upper()
        print(f"The setting {name} cannot be used: {first['msg']}.", file=sys.stderr)
        return 2
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
