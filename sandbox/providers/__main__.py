"""`python -m sandbox.providers`: all provider stand-ins on one port, until SIGTERM."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys

from aiohttp import web

from engine.logs import set_up_logs
from engine.startup import load
from sandbox.providers.scenario import BadScenario, Scenario
from sandbox.providers.scenario import load as load_scenario
from sandbox.providers.server import build
from sandbox.providers.settings import ProvidersSettings

# The ears are threads of small numpy calls, and the event loop waits up to this long for the
# interpreter after each read: with 5 ms, the default, finals are 10 ms later (8 callers, p95).
_SWITCH_SECONDS = 0.0005

log = logging.getLogger("sandbox.providers")


def main() -> int:
    settings = load(ProvidersSettings)
    set_up_logs("providers", settings.log_level, settings.log_format)
    try:
        scenario = load_scenario(settings.scenario_file)
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
