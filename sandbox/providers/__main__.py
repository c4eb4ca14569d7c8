"""`python -m sandbox.providers`: all provider stand-ins on one port, until SIGTERM."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys

from aiohttp import web
from pydantic import ValidationError

from sandbox.providers.scenario import BadScenario, Scenario, load
from sandbox.providers.server import build
from sandbox.providers.settings import ProvidersSettings

_JSON = '{"level": "%(levelname)s", "logger": "%(name)s", "event": "%(message)s"}'
_CONSOLE = "%(asctime)s %(levelname)s %(name)s %(message)s"

# The ears are threads of small numpy calls, and the event loop waits up to this long for the
# interpreter after each read: with 5 ms, the default, finals are 10 ms later (8 callers, p95).
_SWITCH_SECONDS = 0.0005

log = logging.getLogger("sandbox.providers")


def main() -> int:
    as_json = os.environ.get("LOG_FORMAT") == "json"
    logging.basicConfig(level=logging.INFO, format=_JSON if as_json else _CONSOLE)
    try:
        settings = ProvidersSettings()
        scenario = load(settings.scenario_file)
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]).upper()
        print(f"The setting {name} cannot be used: {first['msg']}.", file=sys.stderr)
        return 2
    except BadScenario as error:
        print(error, file=sys.stderr)
        return 2
    sys.setswitchinterval(_SWITCH_SECONDS)
    return asyncio.run(serve(scenario, settings))


async def serve(scenario: Scenario, settings: ProvidersSettings) -> int:
    """Serve until SIGTERM or SIGINT. Returns the exit code."""
    port, hearing = settings.providers_port, settings.hearing
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    runner = web.AppRunner(await build(scenario, hearing), access_log=None, shutdown_timeout=2.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        log.info("listening port=%d scenario=%s hearing=%s", port, scenario.name, hearing)
        await ended.wait()
    except OSError as error:
        reason = error.strerror or str(error)
        print(f"PROVIDERS_PORT {port} cannot be used: {reason}.", file=sys.stderr)
        return 2
    finally:
        await runner.cleanup()
    return 0


if __name__ == "__main__":
    sys.exit(main())
