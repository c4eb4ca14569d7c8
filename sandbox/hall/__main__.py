"""`python -m sandbox.hall`: settings from the environment, ends well on SIGTERM."""

from __future__ import annotations

import asyncio
import signal
import sys
from urllib.parse import urlsplit

from aiohttp import web
from livekit import api

from engine.logs import set_up_logs
from engine.startup import load
from sandbox.hall.rooms import Rooms
from sandbox.hall.server import HallApi
from sandbox.hall.settings import HallSettings
from sandbox.hall.webhooks import RoomWebhooks


def main() -> int:
    settings = load(HallSettings)
    set_up_logs("hall", settings.log_level, settings.log_format)
    return asyncio.run(_serve(settings))


async def _serve(settings: HallSettings) -> int:
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    key, secret = settings.livekit_api_key, settings.livekit_api_secret
    webhooks = RoomWebhooks(settings.hall_webhook_url, key, secret)
    hall = HallApi(Rooms(webhooks.publish), api.TokenVerifier(key, secret))
    runner = web.AppRunner(hall.application(), access_log=None, shutdown_timeout=0.5)
    await webhooks.start()
    await runner.setup()
    try:
        address = urlsplit(settings.livekit_url)
        await web.TCPSite(runner, address.hostname, address.port).start()
        await ended.wait()
    except OSError as wrong:
        print(f"hall: LIVEKIT_URL cannot be listened on: {wrong}.", file=sys.stderr)
        return 2
    finally:
        await runner.cleanup()
        await webhooks.aclose()
    return 0


if __name__ == "__main__":
    sys.exit(main())
