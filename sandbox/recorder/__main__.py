"""`python -m sandbox.recorder`: settings from the environment, ends well on SIGTERM."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from pathlib import Path

from aiohttp import web
from livekit import api

from engine.logs import set_up_logs
from engine.startup import load
from sandbox.recorder.desk import Desk
from sandbox.recorder.egress import Place
from sandbox.recorder.faults import fault_board
from sandbox.recorder.server import egress_service
from sandbox.recorder.settings import RecorderSettings
from sandbox.recorder.webhooks import Webhooks

# Together below the ten seconds that every process of the stack has for its end.
_UPLOAD_PATIENCE = 6.0
_WEBHOOK_PATIENCE = 2.0


def main() -> int:
    settings = load(RecorderSettings)
    try:
        settings.recorder_backup_dir.mkdir(parents=True, exist_ok=True)
    except OSError as wrong:
        print(f"recorder: the setting RECORDER_BACKUP_DIR is wrong: {wrong}.", file=sys.stderr)
        return 2
    set_up_logs("recorder", settings.log_level, settings.log_format)
    return asyncio.run(_serve(settings))


async def _serve(settings: RecorderSettings) -> int:
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    key, secret = settings.livekit_api_key, settings.livekit_api_secret
    faults = fault_board()
    webhooks = Webhooks(settings.recorder_webhook_urls, key, secret, faults)
    place = Place(
        livekit_url=settings.livekit_url,
        api_key=key,
        api_secret=secret,
        backup_dir=Path(settings.recorder_backup_dir),
        uses_backup=settings.recorder_backup,
        webhooks=webhooks,
        faults=faults,
    )
    async with api.LiveKitAPI(settings.livekit_url, key, secret) as livekit:
        await webhooks.start()
        desk = Desk(place, livekit)
        server = egress_service(desk, faults, api.TokenVerifier(key, secret))
        runner = web.AppRunner(server.application(), access_log=None, shutdown_timeout=0.5)
        await runner.setup()
        try:
            await web.TCPSite(runner, settings.recorder_host, settings.recorder_port).start()
        except OSError as wrong:
            print(f"recorder: RECORDER_PORT cannot be used: {wrong}.", file=sys.stderr)
            ended.set()
            return 2
        else:
            logging.getLogger(__name__).info("recorder ready on port %d", settings.recorder_port)
            await ended.wait()
            return 0
        finally:
            await desk.aclose(_UPLOAD_PATIENCE)
            await webhooks.aclose(_WEBHOOK_PATIENCE)
            await runner.cleanup()


if __name__ == "__main__":
    sys.exit(main())
