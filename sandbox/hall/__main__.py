"""`python -m sandbox.hall`: settings from the environment, ends well on SIGTERM."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys

from aiohttp import web
from livekit import api
from pydantic import ValidationError

from sandbox.hall.rooms import Rooms
from sandbox.hall.server import HallApi
from sandbox.hall.settings import HallSettings
from sandbox.hall.webhooks import RoomWebhooks


def main() -> int:
    try:
        settings = HallSettings()
    except ValidationError as wrong:
        first = wrong.errors()[0]
        name = str(first["loc"][0]).upper() if first["loc"] else "a setting"
        print(f"hall: the setting {name} is wrong: {first['msg']}.", file=sys.stderr)
        return 2
    logging.basicConfig(level=logging.INFO, stream=sys.stderr)
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
        await web.TCPSite(runner, settings.hall_host, settings.hall_port).start()
        await ended.wait()
    except OSError as wrong:
        print(f"hall: HALL_PORT cannot be used: {wrong}.", file=sys.stderr)
        return 2
    finally:
        await runner.cleanup()
        await webhooks.aclose()
    return 0


if __name__ == "__main__":
    sys.exit(main())
