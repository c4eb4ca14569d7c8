"""`python -m sandbox.recorder`: settings from the environment, ends well on SIGTERM."""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path

from aiohttp import web
from livekit import api
from pydantic import ValidationError

from sandbox.recorder.desk import Desk
from sandbox.recorder.egress import Place
from sandbox.recorder.faults import FaultBoard
from sandbox.recorder.server import RecorderApi
from sandbox.recorder.settings import RecorderSettings
from sandbox.recorder.webhooks import Webhooks

# Together below the ten seconds that every process of the stack has for its end.
_UPLOAD_PATIENCE = 6.0
_WEBHOOK_PATIENCE = 2.0


class _JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line)


def main() -> int:
    try:
        settings = RecorderSettings()
        settings.recorder_backup_dir.mkdir(parents=True, exist_ok=True)
    except ValidationError as wrong:
        first = wrong.errors()[0]
        name = str(first["loc"][0]).upper() if first["loc"] else "a setting"
        print(f"recorder: the setting {name} is wrong: {first['msg']}.", file=sys.stderr)
        return 2
    except OSError as wrong:
        print(f"recorder: the setting RECORDER_BACKUP_DIR is wrong: {wrong}.", file=sys.stderr)
        return 2
    _configure_logging(settings)
    return asyncio.run(_serve(settings))


async def _serve(settings: RecorderSettings) -> int:
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    key, secret = settings.livekit_api_key, settings.livekit_api_secret
    faults = FaultBoard()
    webhooks = Webhooks(settings.recorder_webhook_urls, key, secret, faults)
    place = Place(
        livekit_url=settings.livekit_url,
        api_key=key,
        api_secret=secret,
        backup_dir=Path(settings.recorder_backup_dir),
        webhooks=webhooks,
        faults=faults,
    )
    async with api.LiveKitAPI(settings.livekit_url, key, secret) as livekit:
        await webhooks.start()
        desk = Desk(place, livekit)
        server = RecorderApi(desk, faults, api.TokenVerifier(key, secret))
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


def _configure_logging(settings: RecorderSettings) -> None:
    output = logging.StreamHandler(sys.stderr)
    if settings.log_format == "json":
        output.setFormatter(_JsonLines())
    else:
        output.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[output])


if __name__ == "__main__":
    sys.exit(main())
