"""`python -m sandbox.livekit_sip`: settings from the environment, ends well on SIGTERM."""

from __future__ import annotations

import asyncio
import signal
import sys

import structlog
from aiohttp import web
from livekit import api

from engine.logs import set_up_logs
from engine.startup import load
from sandbox.livekit_sip.faults import fault_board
from sandbox.livekit_sip.gateway import Gateway
from sandbox.livekit_sip.place import open_place
from sandbox.livekit_sip.server import sip_service
from sandbox.livekit_sip.settings import LiveKitSipSettings
from sandbox.livekit_sip.trunks import Trunks

log = structlog.get_logger()


def main() -> int:
    settings = load(LiveKitSipSettings)
    set_up_logs("sip", settings.log_level, settings.log_format)
    return asyncio.run(_serve(settings))


async def _serve(settings: LiveKitSipSettings) -> int:
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    try:
        place = await open_place(settings)
    except OSError as wrong:
        print(
            f"sip: LIVEKIT_SIP_HOST or LIVEKIT_SIP_PORT cannot be used: {wrong}.", file=sys.stderr
        )
        return 2
    trunks, faults = Trunks(), fault_board()
    gateway = Gateway(place, trunks)
    verifier = api.TokenVerifier(settings.livekit_api_key, settings.livekit_api_secret)
    application = sip_service(gateway, trunks, faults, verifier).application()
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    try:
        await web.TCPSite(runner, settings.livekit_sip_host, settings.livekit_sip_http_port).start()
        log.info("sip_ready", port=runner.addresses[0][1])
        await ended.wait()
    except OSError as wrong:
        print(f"sip: LIVEKIT_SIP_HTTP_PORT cannot be used: {wrong}.", file=sys.stderr)
        return 2
    finally:
        faults.clear()
        await gateway.aclose()
        await place.aclose()
        await runner.cleanup()
    return 0


if __name__ == "__main__":
    sys.exit(main())
