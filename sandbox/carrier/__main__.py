"""`python -m sandbox.carrier`: the carrier on its SIP and control ports, until SIGTERM."""

from __future__ import annotations

import asyncio
import signal
import sys

import structlog
from aiohttp import web

from engine.logs import set_up_logs
from engine.startup import load
from sandbox.carrier.carrier import Carrier
from sandbox.carrier.scenario import BadScenario, Scenario
from sandbox.carrier.scenario import load as load_scenario
from sandbox.carrier.server import CarrierApi
from sandbox.carrier.settings import CarrierSettings

log = structlog.get_logger()


def main() -> int:
    settings = load(CarrierSettings)
    try:
        scenario = load_scenario(settings.carrier_scenario)
    except BadScenario as error:
        print(error, file=sys.stderr)
        return 2
    set_up_logs("carrier", settings.log_level, settings.log_format)
    return asyncio.run(serve(settings, scenario))


async def serve(settings: CarrierSettings, scenario: Scenario) -> int:
    """Serve until SIGTERM or SIGINT. Returns the exit code."""
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    carrier = Carrier(settings, scenario)
    try:
        await carrier.start()
    except OSError as wrong:
        print(
            f"carrier: CARRIER_SIP_PORT {settings.carrier_sip_port} or CARRIER_RECORDINGS "
            f"{settings.carrier_recordings} cannot be used: {wrong.strerror or wrong}.",
            file=sys.stderr,
        )
        return 2
    runner = web.AppRunner(CarrierApi(carrier).application(), access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    try:
        await web.TCPSite(runner, settings.carrier_host, settings.carrier_http_port).start()
        sip = carrier.bridge.listening[0].port
        log.info("carrier_ready", sip_port=sip, control_url=f"{_base(runner)}/control")
        await ended.wait()
    except OSError as wrong:
        port = settings.carrier_http_port
        print(f"carrier: CARRIER_HTTP_PORT {port} cannot be used: {wrong}.", file=sys.stderr)
        return 2
    finally:
        await carrier.aclose()
        await runner.cleanup()
    return 0


def _base(runner: web.AppRunner) -> str:
    host, port = runner.addresses[0][:2]
    return f"http://{host}:{port}"


if __name__ == "__main__":
    sys.exit(main())
